import Foundation

/// What a runtime says of a failure, without the trimmings of its log.
enum RuntimeWords {
    /// The last message of a log, in JSON or in logrus's text as runc and apus write it, or its last line as it is.
    static func last(of log: String) -> String {
        let lines = log.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
        guard
            let last = lines.last(where: { $0.contains("level=error") || $0.contains("\"level\":\"error\"") })
                ?? lines.last
        else { return "" }
        if last.hasPrefix("{"), let line = try? JSONDecoder().decode(Line.self, from: Data(last.utf8)) {
            return line.msg
        }
        guard last.hasPrefix("time="), let start = last.range(of: " msg=")?.upperBound else {
            return String(last)
        }
        let rest = last[start...]
        guard rest.hasPrefix("\"") else { return String(rest.prefix { $0 != " " }) }
        return unquoted(rest.dropFirst())
    }

    private struct Line: Decodable { var msg: String }

    /// Up to the closing quote, with Go's escapes undone (strconv.Quote).
    private static func unquoted(_ text: Substring) -> String {
        var result = ""
        var isEscaped = false
        for character in text {
            if isEscaped {
                switch character {
                case "n": result.append("\n")
                case "t": result.append("\t")
                default: result.append(character)
                }
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                break
            } else {
                result.append(character)
            }
        }
        return result
    }
}
