/// Where the keys of a TOML document are: TOMLKit keeps neither positions nor the order of tables, and both matter,
/// for messages and where the first of several tables comes first.
///
/// It is made of documents that have been parsed before, and does not find faults of its own.
package struct TOMLOutline: Sendable {
    private var entries: [(path: [String], line: Int)] = []
    private var bytes: [UInt8]
    private var position = 0
    private var line = 1

    package init(of document: String) {
        bytes = Array(document.utf8)
        var table: [String] = []
        while skipBlanks(lines: true) {
            let start = line
            if bytes[position] == UInt8(ascii: "[") {
                while let byte = current, byte == UInt8(ascii: "[") { position += 1 }
                table = key()
                entries.append((table, start))
                while let byte = current, byte == UInt8(ascii: "]") { position += 1 }
            } else {
                assignment(in: table)
            }
            // What could not be understood is no reason to stand still.
            skipLine()
        }
        bytes = []
    }

    /// The line of this key, or of the innermost thing around it that has one; the first line is 1.
    package func line(of path: [String]) -> Int {
        var path = path
        while !path.isEmpty {
            if let entry = entries.first(where: { $0.path == path || $0.path.starts(with: path) }) {
                return entry.line
            }
            path.removeLast()
        }
        return 1
    }

    /// The keys right below `path`, in the order of the document.
    package func keys(below path: [String]) -> [String] {
        var keys: [String] = []
        for entry in entries where entry.path.count > path.count && entry.path.starts(with: path) {
            let key = entry.path[path.count]
            if !keys.contains(key) { keys.append(key) }
        }
        return keys
    }

    // MARK: Scanning

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Skips white space and comments; false at the end.
    private mutating func skipBlanks(lines: Bool) -> Bool {
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\n"):
                guard lines else { return true }
                line += 1
                position += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
            case UInt8(ascii: "#"): while let byte = current, byte != UInt8(ascii: "\n") { position += 1 }
            default: return true
            }
        }
        return false
    }

    private mutating func skipLine() {
        while let byte = current, byte != UInt8(ascii: "\n") { position += 1 }
    }

    private mutating func assignment(in table: [String]) {
        let start = line
        let path = table + key()
        entries.append((path, start))
        guard current == UInt8(ascii: "=") else { return }
        position += 1
        value(of: path)
    }

    /// A dotted key, up to what ends it.
    private mutating func key() -> [String] {
        var path: [String] = []
        while skipBlanks(lines: false), let byte = current {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): path.append(string())
            case UInt8(ascii: "."): position += 1
            case UInt8(ascii: "="), UInt8(ascii: "]"), UInt8(ascii: "\n"), UInt8(ascii: "}"),
                UInt8(ascii: ","):
                return path
            default:
                var bare: [UInt8] = []
                while let byte = current, !" \t\r\n.=]}\"',".utf8.contains(byte) {
                    bare.append(byte)
                    position += 1
                }
                path.append(String(decoding: bare, as: UTF8.self))
            }
        }
        return path
    }

    private mutating func value(of path: [String]) {
        guard skipBlanks(lines: false), let byte = current else { return }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = string()
        case UInt8(ascii: "{"): bracketed(UInt8(ascii: "}")) { $0.assignment(in: path) }
        case UInt8(ascii: "["): bracketed(UInt8(ascii: "]")) { $0.value(of: path) }
        default: while let byte = current, !",]}#\n".utf8.contains(byte) { position += 1 }
        }
    }

    private mutating func bracketed(_ end: UInt8, _ element: (inout TOMLOutline) -> Void) {
        position += 1
        while skipBlanks(lines: true), let byte = current {
            if byte == end || byte == UInt8(ascii: ",") {
                position += 1
                if byte == end { return }
                continue
            }
            let before = position
            element(&self)
            if position == before { position += 1 }
        }
    }

    /// A string of any of the four kinds.
    private mutating func string() -> String {
        let quote = bytes[position]
        let isLong = bytes[position...].starts(with: [quote, quote, quote])
        let mark = [UInt8](repeating: quote, count: isLong ? 3 : 1)
        position += mark.count
        var text: [UInt8] = []
        while let byte = current {
            if bytes[position...].starts(with: mark) {
                position += mark.count
                // Up to two quotes may stand right before the three that end it.
                while isLong, current == quote {
                    text.append(quote)
                    position += 1
                }
                break
            }
            position += 1
            if byte == UInt8(ascii: "\n") { line += 1 }
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                text += escape()
            } else {
                text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func escape() -> [UInt8] {
        guard let byte = current else { return [] }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "e"): return [0x1b]
        case UInt8(ascii: "\n"):
            line += 1
            return []
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let count = byte == UInt8(ascii: "u") ? 4 : 8
            let digits = String(decoding: bytes[position..<min(position + count, bytes.count)], as: UTF8.self)
            position = min(position + count, bytes.count)
            return UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init).map { Array(String($0).utf8) } ?? []
        default: return [byte]
        }
    }
}
