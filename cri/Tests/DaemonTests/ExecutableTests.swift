import Foundation
import Kernel
import Testing

@testable import apus_cri

/// The executable that was built along with these tests, running in a directory of its own.
private final class Daemon {
    let directory: String
    let process = Process()
    private let error = Pipe()
    private let notifications: DatagramSocket

    init(_ arguments: [String], in directory: String) throws {
        self.directory = directory
        let name = "notify-\(UUID().uuidString.prefix(8))"
        notifications = try DatagramSocket.bind(name, in: directory)
        process.executableURL = URL(filePath: try Self.executablePath)
        process.arguments = arguments
        process.environment = ["NOTIFY_SOCKET": "\(directory)/\(name)"]
        process.standardError = error
        process.standardOutput = error
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    static func serving(in directory: String, _ arguments: [String] = []) throws -> Daemon {
        try Daemon(
            ["--root", directory + "/root", "--run", directory + "/run", "--socket", directory + "/s"]
                + arguments,
            in: directory)
    }

    /// What systemd was told next; nil if it is told nothing.
    func notification() -> String? {
        for _ in 0..<500 {
            if let bytes = notifications.receive(limit: 100) { return String(decoding: bytes, as: UTF8.self) }
            usleep(20_000)
        }
        return nil
    }

    /// Its status and all it wrote, after its end.
    func end() -> (status: Int32, output: String) {
        let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    /// Beside the bundle of tests, wherever that was built.
    private static var executablePath: String {
        get throws {
            let arguments = CommandLine.arguments
            let option = arguments.firstIndex(of: "--test-bundle-path").map { arguments.index(after: $0) }
            let bundle = URL(filePath: arguments[option ?? 0])
            let path = bundle.deletingLastPathComponent().appending(path: "apus-cri").path
            try #require(FileManager.default.isExecutableFile(atPath: path), "build apus-cri first: \(path)")
            return path
        }
    }
}

@Suite(.timeLimit(.minutes(1))) final class ExecutableTests {
    let directory: String

    init() throws {
        directory = "/tmp/apus-cri-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func outcome(_ arguments: String...) throws -> (status: Int32, output: String) {
        try Daemon(arguments, in: directory).end()
    }

    @Test func theDefaultConfigurationHasNoMistakes() throws {
        let (status, text) = try outcome("config", "default")
        #expect(status == 0 && text.contains("\n[handlers.apus]\n"))
        let file = directory + "/c.toml"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try outcome("config", "check", file) == (0, ""))
        try (text + "\n[imags]\n").write(toFile: file, atomically: true, encoding: .utf8)
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).count + 1
        let finding = "\(file):\(line):2: imags is no setting; did you mean \"images\"?\n"
        #expect(try outcome("config", "check", file) == (1, finding))
        // Nor does a daemon start with it.
        #expect(try outcome("--config", file, "--root", directory + "/root") == (1, finding))
        #expect(!FileManager.default.fileExists(atPath: directory + "/root"))
    }

    @Test func aDaemonLivesAndEndsAsSystemdWantsIt() throws {
        let daemon = try Daemon.serving(in: directory)
        #expect(daemon.notification() == "READY=1")
        #expect(FileTree.exists(directory + "/s"))
        kill(daemon.process.processIdentifier, SIGTERM)
        #expect(daemon.notification() == "STOPPING=1")
        let (status, log) = daemon.end()
        #expect(status == 0)
        #expect(log.contains("listening on \(directory)/s, ") && log.hasSuffix("info stopped\n"))
        #expect(!FileTree.exists(directory + "/s"))
    }

    @Test func aSecondDaemonIsKeptOut() throws {
        let first = try Daemon.serving(in: directory)
        #expect(first.notification() == "READY=1")
        let (status, log) = try Daemon.serving(in: directory, ["--socket", directory + "/other"]).end()
        #expect(status == 1)
        #expect(
            log.contains("lock \(directory)/run/lock: ")
                && log.contains("another apus-cri has this directory"))
        #expect(!FileTree.exists(directory + "/other"))
        // By the other directory, too.
        let (second, text) = try Daemon.serving(in: directory, ["--run", directory + "/run2"]).end()
        #expect(second == 1 && text.contains("lock \(directory)/root/lock: "))
        #expect(first.process.isRunning && FileTree.exists(directory + "/s"))
    }

    @Test func aKilledDaemonIsFollowedByAnother() throws {
        let first = try Daemon.serving(in: directory)
        #expect(first.notification() == "READY=1")
        kill(first.process.processIdentifier, SIGKILL)
        _ = first.end()
        #expect(FileTree.exists(directory + "/s"))
        let second = try Daemon.serving(in: directory)
        #expect(second.notification() == "READY=1")
        kill(second.process.processIdentifier, SIGINT)
        #expect(second.end().status == 0)
    }

    @Test func theCommandLineIsChecked() throws {
        #expect(try outcome("--version") == (0, "apus-cri version 0.1.0\n"))
        let (status, text) = try outcome("--socket", "s")
        #expect(status != 0 && text.contains("--socket: \"s\" is not an absolute path"))
        #expect(try outcome("--log-level", "loud").status != 0)
    }
}
