import Kernel
import Testing

@testable import MonitorProtocol

/// A message of every kind, with and without what may be absent.
enum Samples {
    static let command = RuntimeCommand(
        ["/usr/bin/apus", "--root", "/run/r", "create", "c1"], environment: ["PATH=/bin", "A="],
        timeLimit: 30_000)

    static var preparation: Preparation {
        var full = Preparation()
        full.pins = Preparation.Pin.Kind.allCases.map { .init($0, at: "/run/p/ns/\($0.name)") }
        full.uidMap = [.init(inside: 0, outside: 100_000, count: 65_536)]
        full.gidMap = [.init(inside: 0, outside: .max, count: 1), .init(inside: 1, outside: 7, count: 2)]
        full.settings = [.init("net.ipv4.ip_forward", "1"), .init("kernel.sem", "1 2 3 4")]
        full.hostName = "pod-ä"
        full.domainName = ""
        full.pause = .init(at: "/run/p/ns/pid", cgroups: ["/sys/fs/cgroup/a"])
        return full
    }

    static let report = ExitReport(
        id: "c.1_x-Y", pid: 4711, exitCode: 137, signal: 9,
        finishedAt: Timestamp(seconds: 1_790_000_000, nanoseconds: 5))

    static let requests: [MonitorRequest] = [
        .hello(version: 1), .prepare(Preparation()), .prepare(preparation),
        .create(Creation(id: "c1", command: command, pidFile: "/run/pid")),
        .create(
            Creation(
                id: "c1", command: command, pidFile: "/run/pid", runtimeLog: "/run/log",
                log: "/var/log/0.log",
                keepsInput: true, consoleSocket: "/run/console")),
        .run(command), .exec(Execution(command: command, pidFile: "/p", runtimeLog: "/l")),
        .exec(Execution(command: command, pidFile: "/p")), .cancel(number: 9), .reopenLog(id: "c"),
        .kill(id: "c", signal: 64), .wait(id: "c"), .subscribe, .list, .forget(id: "c"),
        .shutdown(force: true), .shutdown(force: false), .resize(id: "c", rows: 65_535, columns: 80),
        .closeInput(id: "c"),
    ]

    static let replies: [MonitorReply] = [
        .done, .failed(MonitorFailure(.runtime, "no such image", errno: 2, status: 137)),
        .hello(version: 7, pid: 1), .prepared(pause: 0), .created(pid: .max),
        .ran(CommandOutcome(status: 143, signal: 15, isTimedOut: true, output: [0, 255], errors: [])),
        .executed(report), .exited(report), .event(report), .containers([]),
        .containers([
            MonitoredContainer(id: "a", pid: 2, exit: nil), MonitoredContainer(id: "b", pid: 3, exit: report),
        ]),
    ]
}

@Suite struct MessageTests {
    @Test func everyRequestComesBack() throws {
        for request in Samples.requests {
            let packet = request.packet(0x0102_0304)
            #expect(try MonitorRequest(packet: packet) == request)
            #expect(MonitorRequest.number(of: packet) == 0x0102_0304)
        }
    }

    @Test func everyReplyComesBack() throws {
        for reply in Samples.replies {
            let (number, parsed) = try MonitorReply.parse(reply.packet(77))
            #expect(number == 77)
            #expect(parsed == reply)
        }
    }

    /// The form on the wire, which other versions have to understand.
    @Test func theBytes() {
        #expect(MonitorRequest.hello(version: 1).packet(2) == [1, 2, 0, 0, 0, 1, 0, 0, 0])
        #expect(
            MonitorRequest.kill(id: "ab", signal: 9).packet(258)
                == [8, 2, 1, 0, 0, 2, 0, 0, 0, 0x61, 0x62, 9, 0, 0, 0])
        #expect(MonitorReply.created(pid: -1).packet(1) == [132, 1, 0, 0, 0, 255, 255, 255, 255])
    }

    @Test func aCutMessageIsMalformed() {
        for request in Samples.requests {
            let packet = request.packet(1)
            for count in 0..<packet.count {
                #expect(throws: Malformed.self) { try MonitorRequest(packet: Array(packet[..<count])) }
            }
        }
        for reply in Samples.replies {
            let packet = reply.packet(1)
            for count in 0..<packet.count {
                #expect(throws: Malformed.self) { try MonitorReply.parse(Array(packet[..<count])) }
            }
        }
    }

    @Test func bytesTooMany() {
        for request in Samples.requests {
            #expect(throws: Malformed("message", "1 bytes too many")) {
                try MonitorRequest(packet: request.packet(1) + [0])
            }
        }
    }

    @Test func whatIsRefused() {
        let refused: [(MonitorRequest, Malformed)] = [
            (.wait(id: "../x"), Malformed("id", "\"../x\" is no container's ID")),
            (.wait(id: ""), Malformed("id", "\"\" is no container's ID")),
            (.wait(id: ".x"), Malformed("id", "\".x\" is no container's ID")),
            (.kill(id: "c", signal: 0), Malformed("signal", "there is no signal 0")),
            (.kill(id: "c", signal: 65), Malformed("signal", "there is no signal 65")),
            (
                .run(RuntimeCommand(["apus"])),
                Malformed("command.arguments", "the program is not given by an absolute path")
            ),
            (.run(RuntimeCommand(["/a", "b\0c"])), Malformed("command.arguments", "has a NUL in it")),
            (
                .exec(Execution(command: Samples.command, pidFile: "p")),
                Malformed("pidFile", "\"p\" is no absolute path")
            ),
        ]
        for (request, malformed) in refused {
            #expect(throws: malformed) { try MonitorRequest(packet: request.packet(1)) }
        }
        #expect(throws: Malformed("kind", "no request has the number 200")) {
            try MonitorRequest(packet: [200, 1, 0, 0, 0])
        }
        #expect(throws: Malformed("number", "is 0")) { try MonitorRequest(packet: [10, 0, 0, 0, 0]) }
        #expect(throws: Malformed("force", "2 is neither 0 nor 1")) {
            try MonitorRequest(packet: [13, 1, 0, 0, 0, 2])
        }
    }

    /// A count that promises more than there is reserves nothing.
    @Test func hugeCounts() {
        let huge: [UInt8] = [4, 1, 0, 0, 0, 255, 255, 255, 255]
        #expect(throws: Malformed("command.arguments", "4294967295 elements do not fit")) {
            try MonitorRequest(packet: huge)
        }
        #expect(throws: Malformed("id", "is 4294967295 bytes long, and 0 are there")) {
            try MonitorRequest(packet: [9, 1, 0, 0, 0, 255, 255, 255, 255])
        }
    }

    /// Whatever bytes come: an error or a message, which then has the form that it came in.
    @Test func changedBytes() {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        func next(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        var understood = 0
        for round in 0..<20_000 {
            let sample = Samples.requests[round % Samples.requests.count]
            var packet = sample.packet(1)
            for _ in 0...next(3) { packet[next(packet.count)] = UInt8(next(256)) }
            if next(4) == 0 { packet.removeLast(next(packet.count)) }
            guard let request = try? MonitorRequest(packet: packet) else { continue }
            understood += 1
            #expect(request.packet(MonitorRequest.number(of: packet)) == packet)
        }
        #expect(understood > 100)
        for round in 0..<20_000 {
            var packet = Samples.replies[round % Samples.replies.count].packet(1)
            for _ in 0...next(3) { packet[next(packet.count)] = UInt8(next(256)) }
            guard let (number, reply) = try? MonitorReply.parse(packet) else { continue }
            #expect(reply.packet(number) == packet)
        }
    }
}
