import CRIServer
import Diagnosis
import Glibc
import Kernel
import Testing

/// The socket that the daemon listens on, and the log.
struct ServiceSocketTests {
    private func inDirectory(_ body: (String) throws -> Void) throws {
        let directory = try temporaryDirectory()
        defer {
            for name in (try? FileTree.list(directory)) ?? [] { try? FileTree.unlink("\(directory)/\(name)") }
            try? FileTree.removeDirectory(directory)
        }
        try body(directory)
    }

    @Test func aSocketHasItsModeFromTheStart() throws {
        try inDirectory { directory in
            let socket = try ListeningSocket.bind(directory + "/s", mode: 0o660)
            let status = try FileTree.statusOfLink(socket.path)
            #expect(status.isSocket && status.mode & 0o777 == 0o660)
        }
    }

    @Test func whatAKilledDaemonLeftMakesRoom() throws {
        try inDirectory { directory in
            do { _ = try ListeningSocket.bind(directory + "/s", mode: 0o600) }
            // Bound, closed, and never removed.
            #expect(FileTree.exists(directory + "/s"))
            _ = try ListeningSocket.bind(directory + "/s", mode: 0o600)
        }
    }

    @Test func whatIsListenedOnStays() throws {
        try inDirectory { directory in
            let other = try StreamListener.bind("s", in: directory)
            #expect(listen(other.number, 1) == 0)
            let error = #expect(throws: Failure.self) {
                _ = try ListeningSocket.bind(directory + "/s", mode: 0o600)
            }
            #expect(error?.errno == Errno(EADDRINUSE))
            #expect(FileTree.exists(directory + "/s"))
        }
    }

    @Test func aFileThatIsNoSocketStays() throws {
        try inDirectory { directory in
            try FileTree.replace(directory + "/s", with: [1], mode: 0o600)
            let error = #expect(throws: Failure.self) {
                _ = try ListeningSocket.bind(directory + "/s", mode: 0o600)
            }
            #expect(error?.errno == Errno(EEXIST))
            #expect(try FileTree.read(directory + "/s") == [1])
        }
    }

    @Test func aPathOfAnyLengthWillDo() throws {
        try inDirectory { directory in
            let deep = directory + "/" + String(repeating: "d", count: 150)
            let socket = try ListeningSocket.bind(deep + "/s", mode: 0o600)
            #expect(FileTree.exists(socket.path))
            try FileTree.unlink(deep + "/s")
            try FileTree.removeDirectory(deep)
        }
    }

    @Test func aSocketThatWasPassedIsTakenIfItListens() throws {
        try inDirectory { directory in
            let socket = try StreamListener.bind("s", in: directory)
            #expect(
                throws: SystemError(
                    "take descriptor \(socket.number) for a listening unix socket", Errno(EINVAL))
            ) {
                _ = try StreamListener.adopt(socket.number)
            }
            #expect(listen(socket.number, 1) == 0)
            #expect(try StreamListener.adopt(socket.number).hasSuffix("/s"))
            let file = try FileDescriptor.open(directory, O_RDONLY)
            let error = #expect(throws: SystemError.self) { _ = try StreamListener.adopt(file.number) }
            #expect(error?.errno == Errno(ENOTSOCK))
        }
    }

    @Test func systemdIsToldWhereItAsked() throws {
        try inDirectory { directory in
            let listener = try DatagramSocket.bind("notify", in: directory)
            try ServiceNotification(socket: directory + "/notify").send("READY=1")
            #expect(listener.receive(limit: 100).map { String(decoding: $0, as: UTF8.self) } == "READY=1")
            // Nobody asked.
            try ServiceNotification(socket: nil).send("READY=1")
            #expect(throws: SystemError.self) {
                try ServiceNotification(socket: directory + "/none").send("READY=1")
            }
        }
    }

    @Test func aLineStaysALine() throws {
        let log = LogLines()
        log.logger().error("one\ntwo \u{1b}[1m", metadata: ["path": "a b\"", "id": "c1", "none": ""])
        let line = try #require(log.all.first)
        #expect(line.hasSuffix(#" error one\ntwo \u{1b}[1m id=c1 none="" path="a b\"""# + "\n"))
        let json = LogLines()
        json.logger(format: .json).warning("one\ntwo", metadata: ["id": "c1", "level": "mine"])
        let object = try #require(json.all.first)
        #expect(object.hasSuffix(#","level":"warning","message":"one\ntwo","id":"c1"}"# + "\n"))
    }

    @Test func theJournalGetsPriorities() {
        let lines = LineCollector()
        let handler = LineLogHandler(format: .text, level: .info, journal: true) { lines.take($0) }
        handler.log(
            event: .init(
                level: .warning, message: "m", metadata: nil, source: "", file: "", function: "", line: 0))
        #expect(lines.text == "<4>m\n")
    }
}

private final class LineCollector: @unchecked Sendable {
    // Written and read by one task.
    private(set) var text = ""
    func take(_ line: [UInt8]) { text += String(decoding: line, as: UTF8.self) }
}
