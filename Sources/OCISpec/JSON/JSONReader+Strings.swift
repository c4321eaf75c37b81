import Diagnosis

extension JSONReader {
    /// Reads a string that goes to the kernel or to a program: a path, a name, an argument.
    ///
    /// - Throws: Also if it has a NUL character, which would end it there.
    public mutating func string() throws(Failure) -> String {
        let text = try text()
        if sawNul { throw fail("the string has a NUL character, which no path, name or argument can have") }
        return text
    }

    /// As ``string()``; nil if it is empty, where emptiness and absence mean the same.
    public mutating func nonEmptyString() throws(Failure) -> String? {
        let text = try string()
        return text.isEmpty ? nil : text
    }

    /// Reads an array of strings, each as ``string()``.
    public mutating func strings() throws(Failure) -> [String] {
        var strings: [String] = []
        try beginArray()
        while try nextElement() { strings.append(try string()) }
        return strings
    }

    /// Reads a string that is only stored or passed on; it may have any character.
    public mutating func text() throws(Failure) -> String {
        guard peek == UInt8(ascii: "\"") else { throw mismatch("a string") }
        return try scanString()
    }

    /// Reads one of the names that the cases of `Choice` have.
    public mutating func choice<Choice>(_ type: Choice.Type = Choice.self) throws(Failure) -> Choice
    where Choice: CaseIterable & RawRepresentable, Choice.RawValue == String {
        let name = try text()
        guard let choice = Choice(rawValue: name) else {
            throw unknown(name, among: Choice.allCases.map(\.rawValue))
        }
        return choice
    }

    /// As ``choice(_:)``; nil for an empty string.
    public mutating func optionalChoice<Choice>(
        _ type: Choice.Type = Choice.self
    ) throws(Failure) -> Choice?
    where Choice: CaseIterable & RawRepresentable, Choice.RawValue == String {
        if bytes[position...].starts(with: [0x22, 0x22]) {
            position += 2
            return nil
        }
        return try choice(type)
    }

    /// Reads an array of names as ``choice(_:)``.
    public mutating func choices<Choice>(_ type: Choice.Type = Choice.self) throws(Failure) -> [Choice]
    where Choice: CaseIterable & RawRepresentable, Choice.RawValue == String {
        var choices: [Choice] = []
        try beginArray()
        while try nextElement() { choices.append(try choice(type)) }
        return choices
    }

    func unknown(_ name: String, among names: [String]) -> Failure {
        let shown = names.prefix(16).joined(separator: ", ")
        let more = names.count > 16 ? " and \(names.count - 16) more" : ""
        return fail("unknown value \(quoted(name)): allowed are \(shown)\(more)")
    }

    /// Reads the string whose opening quote the reader stands at.
    mutating func scanString() throws(Failure) -> String {
        sawNul = false
        let start = position + 1
        let end = Self.endOfPlainText(in: bytes, from: start)
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else {
            return try scanEscapedString(from: start, plainUpTo: end)
        }
        position = end + 1
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// Where the plain ASCII that begins at `start` ends: at a quote, or at something that takes a
    /// closer look.
    ///
    /// Static, since a mutating function that calls a method copies the whole reader for it.
    private static func endOfPlainText(in bytes: [UInt8], from start: Int) -> Int {
        let span = bytes.span
        var end = start
        while end < span.count {
            let byte = span[end]
            if byte &- 0x20 >= 0x60 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            end &+= 1
        }
        return end
    }

    private mutating func scanEscapedString(
        from start: Int, plainUpTo end: Int
    ) throws(Failure) -> String {
        var units = Array(bytes[start..<end])
        position = end
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: units, as: UTF8.self)
            case UInt8(ascii: "\\"):
                try scanEscape(into: &units)
            case 0..<0x20:
                throw syntax("a control character in a string; write it as \\u\(hex(UInt32(byte)))")
            case 0..<0x80:
                units.append(byte)
                position += 1
            default:
                guard let length = multibyteLength() else { throw syntax("invalid UTF-8") }
                units.append(contentsOf: bytes[position..<position + length])
                position += length
            }
        }
        throw syntax("the text ends inside a string")
    }

    /// The length of the UTF-8 sequence at the position; nil if it is not one (Unicode, table 3-7).
    private func multibyteLength() -> Int? {
        let lead = bytes[position]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch lead {
        case 0xc2...0xdf: length = 2
        case 0xe0...0xef:
            length = 3
            if lead == 0xe0 { second = 0xa0...0xbf }
            if lead == 0xed { second = 0x80...0x9f }
        case 0xf0...0xf4:
            length = 4
            if lead == 0xf0 { second = 0x90...0xbf }
            if lead == 0xf4 { second = 0x80...0x8f }
        default: return nil
        }
        guard bytes.count - position >= length, second.contains(bytes[position + 1]) else { return nil }
        for byte in bytes[position + 2..<position + length] where byte & 0xc0 != 0x80 { return nil }
        return length
    }

    private mutating func scanEscape(into units: inout [UInt8]) throws(Failure) {
        let start = position
        position += 1
        let kind = peek
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(kind)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0c)
        case UInt8(ascii: "n"): units.append(0x0a)
        case UInt8(ascii: "r"): units.append(0x0d)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "u"):
            var value = try scanHex(escapeAt: start)
            if value & 0xfc00 == 0xd800, peek == UInt8(ascii: "\\") {
                position += 1
                if peek == UInt8(ascii: "u") {
                    position += 1
                    let low = try scanHex(escapeAt: position - 2)
                    if low & 0xfc00 == 0xdc00 { value = 0x10000 + (value & 0x3ff) << 10 + (low & 0x3ff) }
                }
            }
            // What is left of the surrogates here stands alone, and is no scalar.
            guard let scalar = Unicode.Scalar(value) else {
                position = start
                throw syntax("\\u\(hex(value)) is half of a surrogate pair")
            }
            if value == 0 { sawNul = true }
            units.append(contentsOf: scalar.utf8)
        default:
            position = start
            throw syntax("unknown escape in a string; \\ is written as \\\\")
        }
    }

    private mutating func scanHex(escapeAt start: Int) throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch peek {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = peek - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = peek - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = peek - UInt8(ascii: "A") + 10
            default:
                position = start
                throw syntax("\\u needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
