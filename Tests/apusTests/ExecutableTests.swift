import Foundation
import Testing

/// One call of the executable that was built along with these tests.
struct Outcome {
    var status: Int32
    var output: String
    var error: String

    /// - Parameter output: a file for standard output, in place of a pipe that is read to its end.
    init(_ arguments: [String], in directory: URL? = nil, output file: String? = nil) throws {
        let process = Process()
        process.executableURL = URL(filePath: try Self.executablePath)
        process.arguments = arguments
        if let directory { process.currentDirectoryURL = directory }
        process.environment = ["PATH": "/usr/bin:/bin"]
        let output = Pipe()
        let error = Pipe()
        process.standardError = error
        process.standardOutput = output
        if let file { process.standardOutput = FileHandle(forWritingAtPath: file) }
        try process.run()
        // Both are shorter than a pipe's buffer, so that one can be read after the other.
        self.error = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        if file != nil { try output.fileHandleForWriting.close() }
        self.output = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        status =
            process.terminationReason == .uncaughtSignal
            ? 128 + process.terminationStatus : process.terminationStatus
    }

    /// Beside the bundle of tests, wherever that was built.
    static var executablePath: String {
        get throws {
            let arguments = CommandLine.arguments
            let option = arguments.firstIndex(of: "--test-bundle-path").map { arguments.index(after: $0) }
            let bundle = URL(filePath: arguments[option ?? 0])
            let path = bundle.deletingLastPathComponent().appending(path: "apus").path
            try #require(FileManager.default.isExecutableFile(atPath: path), "build apus first: \(path)")
            return path
        }
    }
}

/// A directory that is gone with its owner.
final class Scratch {
    let url = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
}

@Suite struct Logging {
    let scratch: Scratch
    init() throws { scratch = try Scratch() }

    private struct Line: Decodable, Equatable {
        var level: String
        var msg: String
        var time: String
    }

    /// Podman reads the whole file as one JSON object; others read standard error.
    @Test func aFailureIsOneObjectInTheFileAndAPlainLineOnStandardError() throws {
        let outcome = try Outcome([
            "--root", scratch.path("root"), "--log", scratch.path("log"), "--log-format", "json", "create",
            "--bundle", scratch.path("nowhere"), "c1",
        ])
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
        let line = try JSONDecoder().decode(Line.self, from: Data(scratch.text("log").utf8))
        #expect(line.level == "error")
        #expect(line.msg.hasPrefix("apus create failed: "))
        #expect(outcome.error == line.msg + "\n")
        let time = try #require(ISO8601DateFormatter().date(from: line.time))
        #expect(abs(time.timeIntervalSinceNow) < 60)
    }

    @Test func linesAreAppended() throws {
        try Data("kept\n".utf8).write(to: scratch.url.appending(path: "log"))
        for _ in 1...2 {
            #expect(try Outcome(["--log", scratch.path("log"), "checkpoint", "c1"]).status == 1)
        }
        let lines = try scratch.text("log").split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0] == "kept")
        #expect(lines[1].hasPrefix("time=\""))
        #expect(lines[2].hasSuffix(" level=error msg=\"container does not exist\""))
    }

    @Test func withoutAFileStandardErrorHasTheLine() throws {
        let text = try Outcome(["checkpoint", "c1"])
        #expect(
            text.error.wholeMatch(
                of: /time="[-0-9T:]+Z" level=error msg="container does not exist"\n/)
                != nil)
        let json = try Outcome(["--log-format=json", "--log=", "checkpoint", "c1"])
        let line = try JSONDecoder().decode(Line.self, from: Data(json.error.utf8))
        #expect(line.msg == "container does not exist")
    }

    @Test func misuseIsLoggedToo() throws {
        let outcome = try Outcome(["--log", scratch.path("log"), "state"])
        #expect(outcome.status == 1)
        #expect(outcome.output.hasPrefix("Incorrect Usage.\n\nNAME:\n   apus state - "))
        #expect(outcome.error.hasSuffix(": \"state\" requires exactly 1 argument(s)\n"))
        #expect(try scratch.text("log").contains(#"\"state\" requires exactly 1 argument(s)""#))
    }

    @Test func aFileThatCannotBeOpenedEndsThingsAtOnce() throws {
        let outcome = try Outcome(["--log", scratch.path("none/log"), "spec"], in: scratch.url)
        #expect(outcome.status == 1)
        #expect(outcome.error.contains("no such file or directory"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path("config.json")))
    }

    @Test func otherForms() throws {
        let outcome = try Outcome(["--log-format", "xml", "spec"], in: scratch.url)
        #expect(outcome.status == 1)
        #expect(outcome.error.contains("invalid log-format: xml"))
    }
}

@Suite struct Specifications {
    let scratch: Scratch
    init() throws { scratch = try Scratch() }

    @Test func areWrittenOnce() throws {
        let first = try Outcome(["spec"], in: scratch.url)
        #expect(first.status == 0)
        #expect(first.output + first.error == "")
        let text = try scratch.text("config.json")
        #expect(text.contains("\n\t\""))
        #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any])
        let second = try Outcome(["spec", "--rootless"], in: scratch.url)
        #expect(second.status == 1)
        #expect(second.error.contains("File config.json exists. Remove it first"))
        #expect(try scratch.text("config.json") == text)
    }

    @Test func inTheBundlesDirectory() throws {
        #expect(try Outcome(["spec", "-b", scratch.url.path, "--rootless"]).status == 0)
        #expect(try scratch.text("config.json").contains("\n\t\""))
        let outcome = try Outcome(["spec", "-b", scratch.path("none")])
        #expect(outcome.status == 1)
        #expect(outcome.error.contains("no such file or directory"))
    }

    @Test func neverThroughADanglingLink() throws {
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("config.json"), withDestinationPath: scratch.path("elsewhere"))
        #expect(try Outcome(["spec"], in: scratch.url).status == 1)
        #expect(!FileManager.default.fileExists(atPath: scratch.path("elsewhere")))
    }
}

@Suite struct Statuses {
    private static let lines: [(String, Int32)] = [
        ("exec c1 true", 255), ("exec", 1), ("exec --nonsense c1", 1), ("ps c1", 1), ("checkpoint c1", 1),
        ("update c1", 1), ("nonsense", 1), ("help nonsense", 1), ("", 0), ("--help", 0), ("help run", 0),
        ("--version", 0), ("--root / list", 1), ("--root ../../../../../../../../.. list", 1),
        ("--rootless=maybe list", 1), ("kill c1 NONSENSE", 1), ("list --format xml", 1),
    ]

    @Test(arguments: lines)
    func of(_ line: String, _ status: Int32) throws {
        let outcome = try Outcome(line.split(separator: " ").map { String($0) })
        #expect(outcome.status == status)
        #expect(outcome.error.isEmpty == (status == 0), "\(outcome.error)")
    }

    @Test func anUnknownContainer() throws {
        let scratch = try Scratch()
        for arguments in [
            ["state", "nosuch"], ["start", "nosuch"], ["kill", "nosuch"], ["delete", "nosuch"],
        ] {
            let outcome = try Outcome(["--root", scratch.url.path] + arguments)
            #expect(outcome.status == 1)
            #expect(outcome.error.contains("container does not exist"), "\(arguments): \(outcome.error)")
        }
    }

    @Test func aRootThatIsNotThere() throws {
        let scratch = try Scratch()
        #expect(try Outcome(["--root", scratch.path("none"), "list"]).status == 1)
        let empty = try Outcome(["--root", scratch.url.path, "list", "-q"])
        #expect(empty.status == 0)
        #expect(empty.output == "")
    }

    @Test func outputThatCannotBeWritten() throws {
        for arguments in [["--help"], ["--version"], ["state"]] {
            let outcome = try Outcome(arguments, output: "/dev/full")
            #expect(outcome.status == 1)
            #expect(outcome.error.contains("write to standard output: no space left on device"))
        }
    }

    /// The reader is gone before the program starts; SIGPIPE would make it 141.
    @Test func outputThatNobodyReads() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        let executable = try Outcome.executablePath
        process.arguments = [
            "-c", "exec 3> >(exec true); wait $!; env --default-signal=PIPE \"$0\" --help >&3; echo $?",
            executable,
        ]
        let output = Pipe()
        let error = Pipe()
        process.standardOutput = output
        process.standardError = error
        try process.run()
        let status = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let message = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(status == "1\n")
        #expect(message.contains("write to standard output: broken pipe"))
    }

    @Test func version() throws {
        let lines = try Outcome(["--version"]).output.split(separator: "\n")
        #expect(lines[0].wholeMatch(of: /apus version \d+\.\d+\.\d+/) != nil)
        #expect(lines.contains { $0.hasPrefix("commit: ") })
        #expect(lines.contains { $0.wholeMatch(of: /spec: \d+\.\d+\.\d+/) != nil })
    }
}
