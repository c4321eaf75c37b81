import DBus

/// Reads a value in GVariant's text format (GLib, "GVariant Text Format"), as far as D-Bus has types for it:
/// `uint64 5`, `'text'`, `true`, `['a', 'b']`, `@as []`, `[('/dev/null', 'rw')]`, `{'key': <1>}`, `b'bytes'`.
///
/// Without a type, a number is `int32`, with a point `double`; in an array the first element's type is that of all.
struct GVariantText {
    /// What is wrong with the text, in words.
    struct Fault: Error, Equatable {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private var rest: Substring.UTF8View

    static func parse(_ text: String) throws(Fault) -> Value {
        var parser = GVariantText(rest: text[...].utf8)
        let value = try parser.value(nil, depth: 0)
        parser.skipSpace()
        guard parser.rest.isEmpty else {
            throw Fault("unexpected \"\(Substring(parser.rest))\" after the value")
        }
        return value
    }

    private init(rest: Substring.UTF8View) { self.rest = rest }

    private static let maximumDepth = 16

    // MARK: values

    private mutating func value(_ expected: DataType?, depth: Int) throws(Fault) -> Value {
        guard depth <= Self.maximumDepth else { throw Fault("nested too deeply") }
        skipSpace()
        guard let first = rest.first else { throw Fault("a value is missing") }
        switch first {
        case UInt8(ascii: "@"):
            rest.removeFirst()
            let code = take { !Self.isSpace($0) }
            guard let type = DataType.single(code.utf8) else { throw Fault("\"\(code)\" is not a type") }
            return try typed(type, expected, depth)
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            return try string(expected)
        case UInt8(ascii: "["):
            return try array(expected, depth)
        case UInt8(ascii: "("):
            return try tuple(expected, depth)
        case UInt8(ascii: "{"):
            return try dictionary(expected, depth)
        case UInt8(ascii: "<"):
            return try variant(expected, depth)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            return try number(expected)
        default:
            return try word(expected, depth)
        }
    }

    private mutating func typed(_ type: DataType, _ expected: DataType?, _ depth: Int) throws(Fault) -> Value
    {
        if let expected, expected != type { throw Self.mismatch(expected, type) }
        return try value(type, depth: depth + 1)
    }

    private static func mismatch(_ expected: DataType, _ found: DataType) -> Fault {
        Fault("a value of type \"\(found.code)\" where \"\(expected.code)\" is wanted")
    }

    private static func checked(_ value: Value, _ expected: DataType?) throws(Fault) -> Value {
        if let expected, expected != value.type { throw mismatch(expected, value.type) }
        return value
    }

    private static let keywords: [String: DataType] = [
        "boolean": .boolean, "byte": .byte, "int16": .int16, "uint16": .uint16, "int32": .int32,
        "uint32": .uint32, "int64": .int64, "uint64": .uint64, "double": .double, "string": .string,
        "objectpath": .objectPath, "signature": .signature,
    ]

    private mutating func word(_ expected: DataType?, _ depth: Int) throws(Fault) -> Value {
        let word = take { Self.isWord($0) }
        switch word {
        case "true": return try Self.checked(.boolean(true), expected)
        case "false": return try Self.checked(.boolean(false), expected)
        case "b" where rest.first == UInt8(ascii: "'") || rest.first == UInt8(ascii: "\""):
            // GLib gives a byte string its zero byte.
            return try Self.checked(.bytes(Array(try quoted(inBytes: true)) + [0]), expected)
        case "inf", "nan":
            return try Self.checked(.double(word == "inf" ? .infinity : .nan), expected)
        default:
            guard let type = Self.keywords[word] else {
                throw Fault(
                    word.isEmpty
                        ? "unexpected \"\(Substring(rest))\""
                        : "\"\(word)\" is neither a value nor a type; texts want quotes around them")
            }
            return try typed(type, expected, depth)
        }
    }

    private mutating func array(_ expected: DataType?, _ depth: Int) throws(Fault) -> Value {
        var element: DataType?
        if let expected {
            guard case .array(let type) = expected else {
                throw Fault("an array is not \"\(expected.code)\"")
            }
            element = type
        }
        rest.removeFirst()
        var values: [Value] = []
        while try !takeEnd("]", first: values.isEmpty) {
            let next = try value(element, depth: depth + 1)
            element = next.type
            values.append(next)
        }
        guard let element else { throw Fault("an empty array needs a type, as in @as []") }
        guard element == .byte else { return .array(of: element, values) }
        return .bytes(
            values.compactMap {
                if case .byte(let byte) = $0 { return byte }
                return nil
            })
    }

    private mutating func tuple(_ expected: DataType?, _ depth: Int) throws(Fault) -> Value {
        var types: [DataType]?
        if let expected {
            guard case .structure(let members) = expected else {
                throw Fault("a tuple is not \"\(expected.code)\"")
            }
            types = members
        }
        rest.removeFirst()
        var values: [Value] = []
        while try !takeEnd(")", first: values.isEmpty) {
            if let types, values.count >= types.count { throw Fault("a tuple with too many members") }
            values.append(try value(types?[values.count], depth: depth + 1))
        }
        guard !values.isEmpty, types.map({ $0.count == values.count }) ?? true else {
            throw Fault("a tuple with too few members")
        }
        return .structure(values)
    }

    private mutating func dictionary(_ expected: DataType?, _ depth: Int) throws(Fault) -> Value {
        var types: (key: DataType, value: DataType)?
        if let expected {
            guard case .array(.dictionaryEntry(let key, let value)) = expected else {
                throw Fault("a dictionary is not \"\(expected.code)\"")
            }
            types = (key, value)
        }
        rest.removeFirst()
        var entries: [Value] = []
        while try !takeEnd("}", first: entries.isEmpty) {
            let key = try value(types?.key, depth: depth + 1)
            skipSpace()
            guard rest.popFirst() == UInt8(ascii: ":") else {
                throw Fault("a dictionary's key without a value")
            }
            let value = try value(types?.value, depth: depth + 1)
            types = (key.type, value.type)
            entries.append(.dictionaryEntry(key: key, value))
        }
        guard let types else { throw Fault("an empty dictionary needs a type, as in @a{sv} {}") }
        return .array(of: .dictionaryEntry(types.key, types.value), entries)
    }

    private mutating func variant(_ expected: DataType?, _ depth: Int) throws(Fault) -> Value {
        rest.removeFirst()
        let value = Value.variant(try value(nil, depth: depth + 1))
        skipSpace()
        guard rest.popFirst() == UInt8(ascii: ">") else { throw Fault("a variant without its end, \">\"") }
        return try Self.checked(value, expected)
    }

    /// Takes the end of a list, or the comma before its next element. A comma before the end is fine.
    private mutating func takeEnd(_ end: Unicode.Scalar, first: Bool) throws(Fault) -> Bool {
        skipSpace()
        if !first {
            if rest.first == UInt8(ascii: ",") {
                rest.removeFirst()
                skipSpace()
            } else if rest.first != UInt8(ascii: end) {
                throw Fault("a list without its end, \"\(end)\"")
            }
        }
        guard rest.first == UInt8(ascii: end) else {
            if rest.isEmpty { throw Fault("a list without its end, \"\(end)\"") }
            return false
        }
        rest.removeFirst()
        return true
    }

    // MARK: characters

    private mutating func number(_ expected: DataType?) throws(Fault) -> Value {
        let text = take { Self.isWord($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        let isDecimal = text.utf8.contains { $0 == UInt8(ascii: ".") }
        let value: Value? =
            switch expected ?? (isDecimal ? .double : .int32) {
            case .byte: Self.integer(text).map { .byte($0) }
            case .int16: Self.integer(text).map { .int16($0) }
            case .uint16: Self.integer(text).map { .uint16($0) }
            case .int32: Self.integer(text).map { .int32($0) }
            case .uint32: Self.integer(text).map { .uint32($0) }
            case .int64: Self.integer(text).map { .int64($0) }
            case .uint64: Self.integer(text).map { .uint64($0) }
            case .double: Double(text).map { .double($0) }
            default: nil
            }
        guard let value else {
            throw Fault("\"\(text)\" is no value of type \"\((expected ?? .int32).code)\"")
        }
        return value
    }

    /// Decimal, or as in C: 0x…, 0….
    private static func integer<Word: FixedWidthInteger>(_ text: String) -> Word? {
        var digits = text[...]
        var sign = ""
        if let first = digits.first, first == "-" || first == "+" {
            sign = String(first)
            digits = digits.dropFirst()
        }
        // No second sign.
        guard digits.first?.isHexDigit == true else { return nil }
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            guard digits.dropFirst(2).first?.isHexDigit == true else { return nil }
            return Word(sign + digits.dropFirst(2), radix: 16)
        }
        if digits.count > 1, digits.hasPrefix("0") { return Word(sign + digits.dropFirst(), radix: 8) }
        return Word(sign + digits, radix: 10)
    }

    private mutating func string(_ expected: DataType?) throws(Fault) -> Value {
        let bytes = try quoted(inBytes: false)
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw Fault("a text that is not UTF-8 without NUL")
        }
        switch expected {
        case .objectPath: return .objectPath(text)
        case .signature: return .signature(text)
        default: return try Self.checked(.string(text), expected)
        }
    }

    /// What is between quotes, with C's escapes; in texts `\u` and `\U` too.
    private mutating func quoted(inBytes: Bool) throws(Fault) -> [UInt8] {
        guard let quote = rest.popFirst() else { throw Fault("a quote is missing") }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == quote { return bytes }
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard let escaped = rest.popFirst() else { break }
            switch escaped {
            case UInt8(ascii: "a"): bytes.append(7)
            case UInt8(ascii: "b"): bytes.append(8)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "v"): bytes.append(11)
            case UInt8(ascii: "f"): bytes.append(12)
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "u") where !inBytes: bytes += try scalar(digits: 4)
            case UInt8(ascii: "U") where !inBytes: bytes += try scalar(digits: 8)
            case UInt8(ascii: "0")...UInt8(ascii: "7") where inBytes:
                var code = Int(escaped - 0x30)
                for _ in 0..<2 {
                    guard let next = rest.first, (0x30...0x37).contains(next) else { break }
                    code = code * 8 + Int(next - 0x30)
                    rest.removeFirst()
                }
                bytes.append(UInt8(truncatingIfNeeded: code))
            default: bytes.append(escaped)
            }
        }
        throw Fault("a text without its end")
    }

    private mutating func scalar(digits: Int) throws(Fault) -> [UInt8] {
        let text = String(decoding: rest.prefix(digits), as: UTF8.self)
        guard text.utf8.count == digits, text.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let scalar = UInt32(text, radix: 16).flatMap(Unicode.Scalar.init)
        else { throw Fault("\"\\\(digits == 4 ? "u" : "U")\(text)\" is no character") }
        rest.removeFirst(digits)
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func take(while isWanted: (UInt8) -> Bool) -> String {
        let word = rest.prefix(while: isWanted)
        rest = rest.dropFirst(word.count)
        return String(decoding: word, as: UTF8.self)
    }

    private mutating func skipSpace() { rest = rest.drop(while: Self.isSpace) }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
