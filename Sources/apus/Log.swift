import Diagnosis
import Kernel
import Presentation

/// Warnings and errors, as lines of the chosen form on standard error or in a file, or as messages to a daemon.
struct Log: Sendable {
    private let format: LogLine.Format
    private let destination: LogDestination
    /// The least weight of what is recorded.
    private let threshold: LogLine.Level

    /// The log as it is until the options have been read.
    static let standard = Log(format: .text, destination: .standardError, threshold: .warning)

    var isDebugging: Bool { threshold == .debug }

    /// Opens the destination, if one is given, at once: a log that cannot be written is found out before
    /// anything is done.
    ///
    /// - Parameters:
    ///   - written: as `--log` has it.
    ///   - threshold: the word for the least weight.
    ///   - container: the ID that the command is about.
    static func open(
        _ written: String?, format: String, threshold: String, container: String?
    ) throws(Failure) -> Log {
        guard let form = LogLine.Format(rawValue: format) else {
            throw Failure("invalid log-format: \(format)")
        }
        guard let level = LogLine.Level(rawValue: threshold) else {
            throw Failure(
                .option("--log-level"), reason: "invalid value \"\(threshold)\": not error, warning or debug")
        }
        guard let written, !written.isEmpty else {
            return Log(format: form, destination: .standardError, threshold: level)
        }
        return Log(
            format: form, destination: try LogDestination(written, container: container), threshold: level)
    }

    /// Records why the program fails. If the log is elsewhere, the bare message goes to standard error too:
    /// some callers read only that.
    func error(_ message: String) {
        record(.error, message)
        if destination != .standardError { Log.tell(message) }
    }

    func warning(_ message: String) {
        if threshold != .error { record(.warning, message) }
    }

    func debug(_ message: String) {
        if threshold == .debug { record(.debug, message) }
    }

    /// Writes a line to standard error whatever the log is.
    static func tell(_ message: String) {
        // If that is closed, there is nowhere left to say so.
        try? Output.write(message + "\n", to: Output.standardError)
    }

    /// A line that cannot be written, to a full disk say, fails no container.
    private func record(_ level: LogLine.Level, _ message: String) {
        let line = LogLine(level, message, time: Timestamp.now().rfc3339)
        do throws(SystemError) {
            switch destination {
            case .standardError: try Output.write(line.text(format), to: Output.standardError)
            case .file(let file): try Output.write(line.text(format), to: file)
            case .journal(let socket, let identifier):
                try DatagramSocket.send(line.journalEntry(identifier: identifier), to: socket)
            case .system(let socket, let identifier):
                try DatagramSocket.send(line.syslogPacket(identifier: identifier), to: socket)
            }
        } catch {
            if destination != .standardError { Log.tell("write the log: \(error.errno)") }
        }
    }
}
