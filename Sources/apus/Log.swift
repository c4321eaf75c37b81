import Diagnosis
import Glibc
import Kernel
import Presentation

/// Where warnings and errors go: lines of the chosen form on standard error, or in a file.
struct Log: Sendable {
    private let format: LogLine.Format
    /// `nil` for standard error.
    private let file: Int32?

    /// The log as it is until the options have been read.
    static let standard = Log(format: .text, file: nil)

    /// Opens the file at `path`, if one is given, at once: a log that cannot be written is found out before
    /// anything is done. The file stays open as long as the program runs.
    static func open(_ path: String?, format: String) throws(Failure) -> Log {
        guard let form = LogLine.Format(rawValue: format) else {
            throw Failure("invalid log-format: \(format)")
        }
        guard let path, !path.isEmpty else { return Log(format: form, file: nil) }
        let file = try Failure.blaming(.option("--log")) { () throws(SystemError) in
            try FileDescriptor.open(path, O_CREAT | O_WRONLY | O_APPEND | O_SYNC, mode: 0o644)
        }
        return Log(format: form, file: file.release())
    }

    /// Records why the program fails. If there is a file, the bare message goes to standard error too:
    /// some callers read only that.
    func error(_ message: String) {
        record(.error, message)
        if file != nil { Log.tell(message) }
    }

    func warning(_ message: String) { record(.warning, message) }

    func debug(_ message: String) { record(.debug, message) }

    /// Writes a line to standard error whatever the log is.
    static func tell(_ message: String) {
        // If that is closed, there is nowhere left to say so.
        try? Output.write(message + "\n", to: Output.standardError)
    }

    /// A line that cannot be written, to a full disk say, fails no container.
    private func record(_ level: LogLine.Level, _ message: String) {
        let line = LogLine(level, message, time: Timestamp.now().rfc3339).text(format)
        do throws(SystemError) {
            try Output.write(line, to: file ?? Output.standardError)
        } catch {
            if file != nil { Log.tell("write the log: \(error.errno)") }
        }
    }
}
