import Diagnosis
import Foundation
import Kernel
import MonitorProtocol
import Synchronization
import Testing

@testable import CRIServer

/// The monitor's end, played by a test: each request is answered as told, the greeting by itself.
final class PlayedMonitor: Sendable {
    let path: String

    /// - Parameters:
    ///   - path: where it listens.
    ///   - answer: to a request and its descriptors; `nil` ends the connection.
    init(
        at path: String = NSTemporaryDirectory() + "apus-monitor-\(UUID().uuidString.prefix(8))",
        version: UInt32 = Wire.version,
        _ answer: @escaping @Sendable (UInt32, MonitorRequest, Int) -> [(UInt32, MonitorReply)]?
    ) throws {
        self.path = path
        let listener = try PacketSocket.listen(at: path).release()
        try WorkerThread.start {
            let listener = FileDescriptor(owning: listener)
            guard (try? Poll.readable([listener.number], timeout: 20_000)) == [true],
                let socket = try? PacketSocket.accept(listener)
            else { return }
            while let ready = try? Poll.readable([socket.number], timeout: 20_000), ready == [true] {
                guard
                    let packet = try? PacketSocket.receive(
                        socket, limit: Wire.packetLimit, descriptors: Wire.descriptorLimit),
                    let request = try? MonitorRequest(packet: packet.bytes)
                else { return }
                let number = MonitorRequest.number(of: packet.bytes)
                let replies: [(UInt32, MonitorReply)]? =
                    switch request {
                    case .hello: [(number, .hello(version: version, pid: 1))]
                    case .subscribe: [(number, .done)]
                    default: answer(number, request, packet.descriptors.count)
                    }
                guard let replies else { return }
                for (number, reply) in replies {
                    _ = try? PacketSocket.send(reply.packet(number), to: socket)
                }
            }
        }
    }

    deinit { try? FileTree.unlink(path) }
}

@Suite(.timeLimit(.minutes(1))) struct MonitorClientTests {
    private let report = ExitReport(
        id: "c1", pid: 5, exitCode: 3, signal: 0, finishedAt: Timestamp(seconds: 9, nanoseconds: 1))

    @Test func repliesFindTheirRequests() async throws {
        let held = Held()
        let monitor = try PlayedMonitor { number, request, _ in
            // The first is answered after the second.
            if case .create = request {
                held.set(number)
                return []
            }
            return [(number, .containers([])), (held.get(), .created(pid: 42))]
        }
        let client = try await MonitorClient.connect(monitor.path, try MonitorReader())
        async let created = client.create(
            Creation(id: "c1", command: RuntimeCommand(["/bin/true"]), pidFile: "/p"))
        while held.get() == 0 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(try await client.list() == [])
        #expect(try await created == 42)
        client.close()
    }

    @Test func eventsAndTheEnd() async throws {
        let report = report
        let monitor = try PlayedMonitor { number, request, _ in
            if case .list = request { return nil }
            return [(0, .event(report)), (number, .done)]
        }
        let client = try await MonitorClient.connect(monitor.path, try MonitorReader())
        try await client.kill("c1", signal: 9)
        await #expect(throws: MonitorError.lost(socket: monitor.path, reason: "it has ended")) {
            try await client.list()
        }
        var events: [ExitReport] = []
        // It ends with the connection.
        for await event in client.events { events.append(event) }
        #expect(events == [report])
        await #expect(throws: MonitorError.self) { try await client.list() }
    }

    @Test func refusalsAreThrown() async throws {
        let failure = MonitorFailure(.runtime, "no such image", status: 1)
        let monitor = try PlayedMonitor { number, _, _ in [(number, .failed(failure))] }
        let client = try await MonitorClient.connect(monitor.path, try MonitorReader())
        await #expect(throws: MonitorError.refused(failure)) { try await client.reopenLog("c1") }
        client.close()
    }

    @Test func aCancelledTaskKillsItsProcess() async throws {
        let held = Held()
        let monitor = try PlayedMonitor { number, request, descriptors in
            switch request {
            case .exec:
                held.set(descriptors == 1 ? number : 999)
                return []
            case .cancel(let other):
                let failure = MonitorFailure(.cancelled, "exec: cancelled")
                return [(number, .done), (other, .failed(failure))]
            default: return nil
            }
        }
        let client = try await MonitorClient.connect(monitor.path, try MonitorReader())
        let execution = Execution(command: RuntimeCommand(["/bin/true"]), pidFile: "/p")
        let task = Task { try await client.exec(execution, standard: [2]) }
        while held.get() == 0 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(held.get() != 999)
        task.cancel()
        await #expect(throws: MonitorError.refused(MonitorFailure(.cancelled, "exec: cancelled"))) {
            try await task.value
        }
        client.close()
    }

    @Test func anotherVersion() async throws {
        let monitor = try PlayedMonitor(version: 99) { _, _, _ in nil }
        await #expect(throws: MonitorError.version(socket: monitor.path, theirs: 99)) {
            try await MonitorClient.connect(monitor.path, try MonitorReader())
        }
    }

    @Test func nobodyListens() async throws {
        let path = NSTemporaryDirectory() + "apus-nobody-\(UUID().uuidString.prefix(8))"
        await #expect(throws: MonitorError.absent(socket: path)) {
            try await MonitorClient.connect(path, try MonitorReader())
        }
        // What a killed monitor leaves.
        _ = try PacketSocket.listen(at: path)
        defer { try? FileTree.unlink(path) }
        await #expect(throws: MonitorError.absent(socket: path)) {
            try await MonitorClient.connect(path, try MonitorReader())
        }
    }

    @Test func aFullQueueIsNotNobody() async throws {
        let path = NSTemporaryDirectory() + "apus-full-\(UUID().uuidString.prefix(8))"
        let listener = try PacketSocket.listen(at: path)
        defer { try? FileTree.unlink(path) }
        var connected: [Int32] = []
        defer { for number in connected { _ = FileDescriptor(owning: number) } }
        // Of one that is stopped: then there is EAGAIN.
        while connected.count < 1000, let next = try? PacketSocket.connect(to: path) {
            connected.append(next.release())
        }
        #expect(connected.count < 1000)
        await #expect {
            try await MonitorClient.connect(path, try MonitorReader())
        } throws: { error in
            if case MonitorError.lost = error { true } else { false }
        }
        withExtendedLifetime(listener) {}
    }

    @Test func oneThatIsStoppedIsGivenUp() async throws {
        // It is connected to, by the kernel, and never greets.
        let path = NSTemporaryDirectory() + "apus-stopped-\(UUID().uuidString.prefix(8))"
        let listener = try PacketSocket.listen(at: path)
        defer { try? FileTree.unlink(path) }
        let limit = Duration.milliseconds(50)
        await #expect(throws: MonitorError.silent(socket: path, request: "hello", limit: limit)) {
            try await MonitorClient.connect(path, try MonitorReader(), limit: limit)
        }
        withExtendedLifetime(listener) {}
    }

    @Test func anAnswerThatComesTooLateIsNobodys() async throws {
        let held = Held()
        let monitor = try PlayedMonitor { number, request, _ in
            if case .wait = request {
                held.set(number)
                return []
            }
            return [(held.get(), .containers([])), (number, .containers([]))]
        }
        let client = try await MonitorClient.connect(monitor.path, try MonitorReader())
        let limit = Duration.milliseconds(50)
        await #expect(throws: MonitorError.silent(socket: monitor.path, request: "wait", limit: limit)) {
            try await client.wait("c1", limit: limit)
        }
        #expect(try await client.list() == [])
        client.close()
    }

    @Test func tooLong() async throws {
        let monitor = try PlayedMonitor { number, _, _ in [(number, .done)] }
        let client = try await MonitorClient.connect(monitor.path, try MonitorReader())
        let long = RuntimeCommand(["/bin/true", String(repeating: "x", count: 200_000)])
        await #expect(throws: MonitorError.self) { try await client.run(long) }
        try await client.kill("c1", signal: 1)
        client.close()
    }

    @Test func aMonitorThatDoesNotStart() async throws {
        let launcher = MonitorLauncher(program: "/bin/false")
        await #expect(throws: MonitorError.notStarted("/bin/false has ended without a word")) {
            try await launcher.start(socket: "/s", state: "/d")
        }
        await #expect(throws: MonitorError.self) {
            try await MonitorLauncher(program: "/nowhere/apus").start(socket: "/s", state: "/d")
        }
    }

    @Test func aMonitorWhoseStartHangs() async throws {
        let program = try Script("exec sleep 60")
        await #expect(
            throws: MonitorError.notStarted("\(program.path) took longer than 0.05 seconds and was killed")
        ) {
            try await MonitorLauncher(program: program.path, limit: .milliseconds(50))
                .start(socket: "/s", state: "/d")
        }
    }
}

/// A number that one thread leaves for another.
private final class Held: Sendable {
    private let number = Mutex<UInt32>(0)
    func set(_ value: UInt32) { number.withLock { $0 = value } }
    func get() -> UInt32 { number.withLock { $0 } }
}
