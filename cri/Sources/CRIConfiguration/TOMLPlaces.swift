/// Where the keys and values of a TOML document are, which TOMLKit does not tell.
///
/// The document has been parsed before: of one that is malformed, nothing is found out, and nothing worse happens.
struct TOMLPlaces {
    /// Both count from 1; columns are of Unicode scalars.
    struct Place: Equatable, Sendable {
        var line: Int
        var column: Int
    }

    /// By the names that lead there; elements of arrays are known by their numbers.
    private(set) var keys: [[String]: Place] = [:]
    private(set) var values: [[String]: Place] = [:]

    private let text: [Unicode.Scalar]
    private var position = 0
    private var place = Place(line: 1, column: 1)
    /// How many tables each `[[array]]` has so far.
    private var tables: [[String]: Int] = [:]

    init(of document: String) {
        text = Array(document.unicodeScalars)
        var table: [String] = []
        while skipBlanks(lines: true) {
            if current == "[" { table = header() } else { assignment(in: table) }
            while let scalar = current, scalar != "\n" { advance(past: scalar) }
        }
    }

    // MARK: Scanning

    private var current: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private mutating func advance(past scalar: Unicode.Scalar) {
        position += 1
        if scalar == "\n" { place = Place(line: place.line + 1, column: 1) } else { place.column += 1 }
    }

    private mutating func advance() { if let scalar = current { advance(past: scalar) } }

    /// Skips white space and comments, and line feeds if told to; false at the end.
    private mutating func skipBlanks(lines: Bool) -> Bool {
        while let scalar = current {
            switch scalar {
            case "\n": if !lines { return true }
            case " ", "\t", "\r": break
            case "#":
                while let scalar = current, scalar != "\n" { advance(past: scalar) }
                continue
            default: return true
            }
            advance(past: scalar)
        }
        return false
    }

    /// `[a.b]`, or `[[a.b]]`, whose tables are elements.
    private mutating func header() -> [String] {
        advance()
        let isElement = current == "["
        if isElement { advance() }
        var path = dottedKey(in: [])
        if isElement {
            let number = tables[path, default: 0]
            tables[path] = number + 1
            path.append("\(number)")
        }
        return path
    }

    private mutating func assignment(in table: [String]) {
        let path = dottedKey(in: table)
        guard current == "=" else { return }
        advance()
        value(of: path)
    }

    /// Notes where each part is, and stops at what follows.
    private mutating func dottedKey(in table: [String]) -> [String] {
        var path = table
        while skipBlanks(lines: false), let scalar = current {
            let start = place
            switch scalar {
            case "\"", "'": path.append(string())
            case ".":
                advance()
                continue
            case "=", "]", "[", "}", "{", ",", "\n": return path
            default:
                var name = ""
                while let scalar = current, !" \t\r\n.=[]{},\"'#".unicodeScalars.contains(scalar) {
                    name.unicodeScalars.append(scalar)
                    advance(past: scalar)
                }
                path.append(name)
            }
            // Of a table that is written in several places, the first.
            if keys[path] == nil { keys[path] = start }
        }
        return path
    }

    private mutating func value(of path: [String]) {
        guard skipBlanks(lines: false), let scalar = current else { return }
        values[path] = place
        switch scalar {
        case "\"", "'": _ = string()
        case "{": bracketed(until: "}") { outline, _ in outline.assignment(in: path) }
        case "[": bracketed(until: "]") { outline, number in outline.value(of: path + ["\(number)"]) }
        default:
            while let scalar = current, !",]}#\n".unicodeScalars.contains(scalar) { advance(past: scalar) }
        }
    }

    private mutating func bracketed(until end: Unicode.Scalar, _ element: (inout TOMLPlaces, Int) -> Void) {
        advance()
        var number = 0
        while skipBlanks(lines: true), let scalar = current {
            if scalar == end { return advance() }
            if scalar == "," {
                advance()
                continue
            }
            let before = position
            element(&self, number)
            number += 1
            if position == before { advance() }
        }
    }

    /// A string of any of the four kinds. Escapes are only undone as far as keys need it.
    private mutating func string() -> String {
        guard let quote = current else { return "" }
        let isLong = text[position...].starts(with: [quote, quote, quote])
        for _ in 0..<(isLong ? 3 : 1) { advance() }
        var result = ""
        while let scalar = current {
            if scalar == quote, !isLong || text[position...].starts(with: [quote, quote, quote]) {
                for _ in 0..<(isLong ? 3 : 1) { advance() }
                // Up to two quotes may stand right before the three that end it.
                while isLong, current == quote { advance() }
                break
            }
            advance(past: scalar)
            if scalar == "\\", quote == "\"" {
                result += escape()
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private mutating func escape() -> String {
        guard let scalar = current else { return "" }
        advance(past: scalar)
        switch scalar {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "e": return "\u{1b}"
        case "u", "U", "x":
            var digits = ""
            let count = scalar == "u" ? 4 : scalar == "U" ? 8 : 2
            while digits.utf8.count < count, let digit = current, digit.properties.isASCIIHexDigit {
                digits.unicodeScalars.append(digit)
                advance(past: digit)
            }
            return UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init).map { String($0) } ?? ""
        default: return String(scalar)
        }
    }
}
