import Diagnosis

/// A strict pull parser for JSON (RFC 8259): the caller asks for the value it expects, and gets it or
/// a `Failure` with the JSON pointer of the place. No tree is built.
///
/// A decoder is an initialiser that reads one value:
///
/// ```swift
/// init(from reader: inout JSONReader) throws(Failure) {
///     var path: String?
///     var limits: [UInt64] = []
///     try reader.beginObject()
///     while let key = try reader.nextKey() {
///         switch key {
///         case "path": path = try reader.string()
///         case "limits":
///             try reader.beginArray()
///             while try reader.nextElement() { limits.append(try reader.uint64()) }
///         default: break  // skipped, though its syntax is checked
///         }
///     }
///     guard let path else { throw reader.missing("path") }
///     self.init(path: path, limits: limits)
/// }
/// ```
///
/// and a document is read by ``init(_:limit:)``, the decoder, and ``finish()``.
///
/// - A member whose value is `null` counts as absent, as in Go's encoding/json: ``nextKey()`` passes it
///   over. Elsewhere `null` is a value of the wrong type.
/// - A member or element that is not read is skipped. Skipped values are checked for syntax.
/// - A key that an object has twice is refused, at any depth.
/// - Keys are matched exactly; Go's decoder also takes them in any case.
/// - Syntax errors name the line and the column, both from 1, the column in characters.
///
/// An object or array that was begun must be read until ``nextKey()`` or ``nextElement()`` says that it
/// ends, and a value only once; otherwise the text seems to have bad syntax. A reader cannot be copied:
/// decoders hand the one reader on.
public struct JSONReader: ~Copyable {
    /// How deep arrays and objects may nest.
    public static let nestingLimit = 128

    let bytes: [UInt8]
    var position = 0
    /// Whether the string read last had an escaped NUL character.
    var sawNul = false
    /// Where the value begins to which the reader moved last.
    private var valueStart = -1
    /// Whether the reader is on its way to the next member or element, and at no value yet.
    private var isBetween = false
    /// The innermost array or object that is open.
    private var frame = Frame(kind: .none, keyBase: 0)
    /// Those around it, the outermost first.
    private var outer: [Frame] = []
    /// The keys met so far in the objects that are open.
    private var keys: [String] = []

    private struct Frame {
        enum Kind { case none, array, object, map }
        var kind: Kind
        /// How many elements or members were met.
        var count = 0
        /// Where the keys of an object begin in `keys`. Those of an array's elements begin there too.
        var keyBase: Int
    }

    /// A reader that stands at the first value of `bytes`.
    ///
    /// - Parameter limit: How many bytes are accepted.
    /// - Throws: If there are more bytes than that, or they begin with a byte order mark.
    public init(_ bytes: [UInt8], limit: Int = .max) throws(Failure) {
        self.bytes = bytes
        if bytes.count > limit {
            throw Failure(at: "", "the text has \(bytes.count) bytes, the limit is \(limit)")
        }
        try refuseByteOrderMark()
        outer.reserveCapacity(16)
        keys.reserveCapacity(64)
        skipSpace()
    }

    /// Checks that nothing but white space follows the value that was read.
    public mutating func finish() throws(Failure) {
        skipSpace()
        if position < bytes.count { throw syntax("unexpected text after the end of the document") }
    }

    /// Goes into an object. Its members are then met by ``nextKey()``.
    public mutating func beginObject() throws(Failure) { try begin(.object) }

    /// Goes into an object whose keys are data rather than names known in advance: as
    /// ``beginObject()``, except that members with the value `null` are met too (see ``null()``).
    public mutating func beginMap() throws(Failure) { try begin(.map) }

    /// Goes into an array. Its elements are then met by ``nextElement()``.
    public mutating func beginArray() throws(Failure) { try begin(.array) }

    /// Goes to the value of the innermost object's next member; nil if there is none, and then out of
    /// the object.
    public mutating func nextKey() throws(Failure) -> String? {
        guard frame.kind == .object || frame.kind == .map else {
            throw fail("the decoder expected an object")
        }
        while try advance(in: UInt8(ascii: "}"), orElse: "',' or '}' after a member") {
            guard peek == UInt8(ascii: "\"") else {
                throw unexpected("a key in double quotes")
            }
            let start = position
            let key = try scanString()
            guard remember(key) else {
                position = start
                throw syntax("the object has this key twice")
            }
            skipSpace()
            guard peek == UInt8(ascii: ":") else { throw unexpected("':' after a key") }
            position += 1
            skipSpace()
            valueStart = position
            guard peek == UInt8(ascii: "n"), frame.kind == .object else { return key }
            try literal("null")
        }
        return nil
    }

    /// Goes to the innermost array's next element; false if there is none, and then out of the array.
    public mutating func nextElement() throws(Failure) -> Bool {
        guard frame.kind == .array else { throw fail("the decoder expected an array") }
        guard try advance(in: UInt8(ascii: "]"), orElse: "',' or ']' after an element") else { return false }
        frame.count += 1
        isBetween = false
        valueStart = position
        return true
    }

    /// Reads `null` if that is the value.
    public mutating func null() throws(Failure) -> Bool {
        guard peek == UInt8(ascii: "n") else { return false }
        try literal("null")
        return true
    }

    /// Reads `true` or `false`.
    public mutating func bool() throws(Failure) -> Bool {
        switch peek {
        case UInt8(ascii: "t"):
            try literal("true")
            return true
        case UInt8(ascii: "f"):
            try literal("false")
            return false
        default: throw mismatch("true or false")
        }
    }

    /// Reads a value of any kind as the text that it is, checking its syntax.
    public mutating func json() throws(Failure) -> [UInt8] {
        let start = position
        try skip()
        return Array(bytes[start..<position])
    }

    /// Reads and drops a value of any kind, checking its syntax.
    public mutating func skip() throws(Failure) {
        switch peek {
        case UInt8(ascii: "{"):
            try beginMap()
            while try nextKey() != nil {}
        case UInt8(ascii: "["):
            try beginArray()
            while try nextElement() {}
        case UInt8(ascii: "\""): _ = try scanString()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try scanNumber()
        default: throw unexpected("a value")
        }
    }
}

extension JSONReader {
    /// The byte at the reader's position; 0, which no JSON text has outside of strings, at the end.
    var peek: UInt8 {
        @inline(__always) get { position < bytes.count ? bytes[position] : 0 }
    }

    mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            position += 1
        }
    }

    /// The value the reader moved to last; on the way to the next, the array or object around them.
    public var pointer: Pointer {
        let frames = outer + [frame]
        var pointer = Pointer()
        for level in frames.indices.dropLast(isBetween ? 1 : 0) where frames[level].count > 0 {
            if frames[level].kind == .array {
                pointer = pointer.index(frames[level].count - 1)
            } else {
                let end = level + 1 < frames.count ? frames[level + 1].keyBase : keys.count
                pointer = pointer.key(keys[end - 1])
            }
        }
        return pointer
    }

    private mutating func begin(_ kind: Frame.Kind) throws(Failure) {
        let isArray = kind == .array
        guard peek == (isArray ? UInt8(ascii: "[") : UInt8(ascii: "{")) else {
            throw mismatch(isArray ? "an array" : "an object")
        }
        guard outer.count < Self.nestingLimit else {
            throw syntax("nested more than \(Self.nestingLimit) levels deep")
        }
        outer.append(frame)
        frame = Frame(kind: kind, keyBase: keys.count)
        position += 1
    }

    /// Moves to the next key or element of the innermost array or object, or out of it; false then.
    private mutating func advance(in bracket: UInt8, orElse wanted: String) throws(Failure) -> Bool {
        if position == valueStart { try skip() }
        isBetween = true
        skipSpace()
        if peek == bracket {
            if frame.kind != .array, frame.count > Self.fewKeys, let key = repeatedKey() {
                throw Failure(
                    at: pointer.key(key), "\(place): the object that ends here has this key twice")
            }
            position += 1
            keys.removeLast(keys.count - frame.keyBase)
            frame = outer.removeLast()
            isBetween = false
            return false
        }
        if frame.count > 0 {
            guard peek == UInt8(ascii: ",") else { throw unexpected(wanted) }
            position += 1
            skipSpace()
        }
        return true
    }

    /// Adds a key to those of the innermost object; false if it has it already.
    ///
    /// Comparing with each is the fastest for the few keys that an object mostly has. The keys of a
    /// larger one are compared at its end.
    private mutating func remember(_ key: String) -> Bool {
        let isNew = frame.count >= Self.fewKeys || !keys[frame.keyBase...].contains(key)
        keys.append(key)
        frame.count += 1
        isBetween = false
        return isNew
    }

    private static var fewKeys: Int { 32 }

    /// A key that the innermost object has twice.
    private func repeatedKey() -> String? {
        let sorted = keys[frame.keyBase...].sorted()
        for (key, next) in zip(sorted, sorted.dropFirst()) where key == next { return key }
        return nil
    }

    private mutating func literal(_ word: String) throws(Failure) {
        for byte in word.utf8 {
            guard peek == byte else { throw unexpected("'\(word)'") }
            position += 1
        }
    }
}
