/// A line of the log, in the two forms engines read: those of the Go library that runc logs with.
public struct LogLine: Equatable, Sendable {
    public enum Level: String, Sendable { case debug, warning, error }
    public enum Format: String, Sendable { case text, json }

    public var level: Level
    public var message: String
    /// RFC 3339.
    public var time: String

    public init(_ level: Level, _ message: String, time: String) {
        self.level = level
        self.message = message
        self.time = time
    }

    /// The line with its line feed. Whatever the message holds, it stays one line.
    public func text(_ format: Format) -> String {
        switch format {
        case .json:
            return #"{"level":""# + level.rawValue + #"","msg":""# + Self.escaped(message, json: true)
                + #"","time":""# + time + "\"}\n"
        case .text:
            return "time=\"" + time + "\" level=" + level.rawValue + " msg=\""
                + Self.escaped(message, json: false)
                + "\"\n"
        }
    }

    private static func escaped(_ text: String, json: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += #"\""#
            case "\\": result += #"\\"#
            case "\n": result += #"\n"#
            case "\r": result += #"\r"#
            case "\t": result += #"\t"#
            default:
                if scalar.isControl {
                    // Both forms know \u; Go's quoting writes \x for ASCII.
                    result += json || scalar.value >= 0x80 ? #"\u00"# : #"\x"#
                    result += twoDigits(scalar.value)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}
