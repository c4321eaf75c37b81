/// What the host's log daemons are sent: the same message as a line of the log, in their own forms.
extension LogLine {
    /// An entry of the journal, in its native protocol: a field a line, or, where the value has several lines, its
    /// length in between.
    public func journalEntry(identifier: String) -> [UInt8] {
        var entry: [UInt8] = []
        for (name, value) in [
            ("PRIORITY", String(level.priority)), ("SYSLOG_IDENTIFIER", identifier), ("ID", identifier),
            ("MESSAGE", message),
        ] {
            entry += name.utf8
            let bytes = Array(value.utf8)
            if bytes.contains(0x0a) {
                entry.append(0x0a)
                for position in 0..<8 {
                    entry.append(UInt8(truncatingIfNeeded: bytes.count >> (8 * position)))
                }
            } else {
                entry.append(UInt8(ascii: "="))
            }
            entry += bytes
            entry.append(0x0a)
        }
        return entry
    }

    /// A packet of syslog (RFC 3164), from a user's program. The daemon supplies the time.
    public func syslogPacket(identifier: String) -> [UInt8] {
        let user = 1
        return Array("<\(user * 8 + level.priority)>\(identifier): \(message)".utf8)
    }
}

extension LogLine.Level {
    /// As syslog(3) counts, the gravest first.
    var priority: Int {
        switch self {
        case .error: 3
        case .warning: 4
        case .debug: 7
        }
    }
}
