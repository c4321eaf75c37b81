/// Writes JSON text as Go's encoding/json does, which is what the programs that read a runtime's output
/// have seen so far: the same escapes (`<`, `>` and `&` are escaped, `/` is not), the same indentation,
/// and nothing between the brackets of an empty array or object.
///
/// ```swift
/// var writer = JSONWriter(indent: "  ")
/// writer.object { writer in
///     writer.member("id", "c1")
///     writer.key("pids")
///     writer.array { writer in for pid in pids { writer.integer(pid) } }
/// }
/// print(writer.text)
/// ```
///
/// The caller calls the right things in the right order: a value after each key, one value in all.
public struct JSONWriter {
    /// What was written so far, UTF-8.
    public private(set) var bytes: [UInt8] = []
    private let indent: [UInt8]?
    private var depth = 0
    /// Whether the innermost array or object has a value already.
    private var hasValue = false
    /// Whether the next value belongs to the key just written.
    private var isAfterKey = false

    /// - Parameter indent: What each level adds to the line's beginning; nil puts all on one line.
    public init(indent: String? = nil) {
        self.indent = indent.map { Array($0.utf8) }
    }

    /// ``bytes`` as a string.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public mutating func object(_ members: (inout JSONWriter) -> Void) {
        nest(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    public mutating func array(_ elements: (inout JSONWriter) -> Void) {
        nest(UInt8(ascii: "["), UInt8(ascii: "]"), elements)
    }

    /// Writes the key of the member whose value is written next.
    public mutating func key(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        if indent != nil { bytes.append(UInt8(ascii: " ")) }
        isAfterKey = true
    }

    public mutating func string(_ value: String) {
        separate()
        quote(value)
    }

    public mutating func integer(_ value: Int64) { raw(String(value)) }
    public mutating func integer(_ value: Int) { raw(String(value)) }
    public mutating func unsigned(_ value: UInt64) { raw(String(value)) }
    public mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }
    public mutating func null() { raw("null") }

    /// A number with a fraction, in its shortest form and, as Go has it, without one where it is whole.
    public mutating func number(_ value: Double) {
        raw(Int64(exactly: value).map { String($0) } ?? value.description)
    }

    /// A value that is JSON text already, on one line.
    public mutating func json(_ text: [UInt8]) {
        separate()
        bytes.append(contentsOf: text)
    }

    public mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    public mutating func member(_ name: String, _ value: Int) {
        key(name)
        integer(value)
    }

    public mutating func member(_ name: String, _ value: UInt64) {
        key(name)
        unsigned(value)
    }

    public mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    public mutating func member(_ name: String, _ values: [String]) {
        key(name)
        array { writer in
            for value in values { writer.string(value) }
        }
    }

    /// Writes a map with its keys sorted by their bytes.
    public mutating func member(_ name: String, _ map: [String: String]) {
        key(name)
        object { writer in
            if map.isEmpty { return }
            let sorted = map.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (key, value) in sorted { writer.member(key, value) }
        }
    }

    private mutating func raw(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func nest(_ opening: UInt8, _ closing: UInt8, _ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(opening)
        depth += 1
        hasValue = false
        body(&self)
        depth -= 1
        if hasValue { startLine() }
        bytes.append(closing)
        hasValue = true
    }

    /// Writes what goes between the value before, if any, and the next.
    private mutating func separate() {
        if isAfterKey {
            isAfterKey = false
            return
        }
        if hasValue { bytes.append(UInt8(ascii: ",")) }
        if depth > 0 { startLine() }
        hasValue = true
    }

    private mutating func startLine() {
        guard let indent else { return }
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<depth { bytes.append(contentsOf: indent) }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        if text.utf8.allSatisfy(Self.isPlain) { return bytes.append(contentsOf: text.utf8) }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": bytes.append(contentsOf: "\\\"".utf8)
            case "\\": bytes.append(contentsOf: "\\\\".utf8)
            case "\u{08}": bytes.append(contentsOf: "\\b".utf8)
            case "\u{0c}": bytes.append(contentsOf: "\\f".utf8)
            case "\n": bytes.append(contentsOf: "\\n".utf8)
            case "\r": bytes.append(contentsOf: "\\r".utf8)
            case "\t": bytes.append(contentsOf: "\\t".utf8)
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{00}"..."\u{1f}":
                bytes.append(contentsOf: "\\u\(hex(scalar.value))".utf8)
            default: bytes.append(contentsOf: scalar.utf8)
            }
        }
    }

    /// Whether a byte stands for itself, whatever is around it.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
            false
        default: byte >= 0x20 && byte < 0x80
        }
    }
}
