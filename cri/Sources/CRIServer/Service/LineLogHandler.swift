import Glibc
import Kernel
import Logging
import OCISpec

/// Writes the log: one line an event, text or JSON, in one write(2) each.
package struct LineLogHandler: LogHandler {
    package enum Format: String, Sendable, CaseIterable {
        /// `2026-07-23T10:00:00.123456789Z info stopped container=c1`.
        case text
        /// `{"time":…,"level":…,"message":…,"container":"c1"}`.
        case json
    }

    package let format: Format
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let journal: Bool
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameters:
    ///   - journal: whether lines begin with their priority, as the journal wants it (sd-daemon(3)), and without time.
    ///   - write: takes one line with its line feed.
    package init(
        format: Format, level: Logger.Level, journal: Bool = LineLogHandler.standardErrorIsJournal,
        write: @escaping @Sendable ([UInt8]) -> Void = LineLogHandler.writeToStandardError
    ) {
        self.format = format
        logLevel = level
        self.journal = journal
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let given = event.metadata { all.merge(given) { _, new in new } }
        let values = all.sorted { $0.key < $1.key }.map { (key: $0.key, value: "\($0.value)") }
        var line = journal ? Array("<\(event.level.priority)>".utf8) : []
        switch format {
        case .text: line += text(event, values).utf8
        case .json: line += json(event, values)
        }
        line.append(UInt8(ascii: "\n"))
        write(line)
    }

    private func text(_ event: LogEvent, _ values: [(key: String, value: String)]) -> String {
        var text = journal ? "" : "\(Timestamp.now().rfc3339Nano) \(event.level.rawValue) "
        Self.append(event.message.description, to: &text)
        for (key, value) in values {
            text += " \(key)="
            // A value that a reader could not tell the end of is quoted.
            let plain =
                !value.isEmpty && value.unicodeScalars.allSatisfy { $0 > " " && $0 != "\"" && $0 != "=" }
            if plain {
                Self.append(value, to: &text)
            } else {
                text += "\""
                Self.append(value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""), to: &text)
                text += "\""
            }
        }
        return text
    }

    /// Whatever the text holds, it stays on its line, and the terminal that shows it obeys nothing.
    private static func append(_ value: String, to text: inout String) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    private func json(_ event: LogEvent, _ values: [(key: String, value: String)]) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("time", Timestamp.now().rfc3339Nano)
            writer.member("level", event.level.rawValue)
            writer.member("message", event.message.description)
            for (key, value) in values where !["time", "level", "message"].contains(key) {
                writer.member(key, value)
            }
        }
        return writer.bytes
    }

    /// Whether standard error leads to the journal: `$JOURNAL_STREAM` has its device and inode (systemd.exec(5)).
    package static var standardErrorIsJournal: Bool {
        guard let stream = Environment["JOURNAL_STREAM"] else { return false }
        var status = stat()
        return fstat(STDERR_FILENO, &status) == 0 && stream == "\(status.st_dev):\(status.st_ino)"
    }

    /// A line that cannot be written is lost: there is nobody to tell.
    package static let writeToStandardError: @Sendable ([UInt8]) -> Void = { line in
        _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension Logger.Level {
    /// syslog(3)'s numbers.
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
