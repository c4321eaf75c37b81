import Diagnosis
import Dispatch
import Glibc
import Kernel

/// What a run of a runtime's command came to.
struct CommandResult: Sendable {
    /// The exit status; 128 + signal if a signal ended it.
    let status: Int32
    let output: String
    let errors: String

    /// What it said, for an error of ours.
    var words: String {
        let said = RuntimeWords.last(of: errors.isEmpty ? output : errors)
        return said.isEmpty ? "exit status \(status), and not a word" : said
    }
}

extension CommandResult {
    /// How much of what a command says is kept.
    private static let tail = 64 << 10

    /// Runs a command of a runtime that leaves no process behind, such as `delete` and `update`: `create` and `exec` are
    /// the monitor's.
    ///
    /// - Throws: CRIError, `deadlineExceeded`, if it took longer than the limit and was killed.
    static func of(_ command: [String], limit: Duration = TimeLimits.runtime) async throws -> CommandResult {
        try await withCheckedThrowingContinuation { continuation in
            // A serial queue of its own is given a thread at once, however many others wait.
            DispatchQueue(label: "apus-cri.runtime").async {
                continuation.resume(with: Result { try runAndWait(command, limit) })
            }
        }
    }

    private static func runAndWait(_ command: [String], _ limit: Duration) throws -> CommandResult {
        let output = try MemoryFile.plain("output")
        let errors = try MemoryFile.plain("errors")
        let null = try FileDescriptor.open("/dev/null", O_RDONLY)
        let child = try Child.spawn(
            command[0], arguments: command, environment: nil, input: null.number, output: output.number,
            errors: errors.number, apart: true)
        guard let status = try child.end(within: limit) else {
            let words = RuntimeWords.last(of: String(decoding: try errors.readAnew(tail), as: UTF8.self))
            throw CRIError(
                .deadlineExceeded, doing: "run \(command.joined(separator: " "))",
                "it took longer than \(limit) and was killed" + (words.isEmpty ? "" : ": \(words)"))
        }
        return CommandResult(
            status: status.shellStatus,
            output: String(decoding: try output.readAnew(tail), as: UTF8.self),
            errors: String(decoding: try errors.readAnew(tail), as: UTF8.self))
    }
}
