/// Reads values in the wire format (D-Bus Specification, "Marshaling"), in either byte order.
///
/// Nothing that comes in is trusted: every length is held against what is there before it is used, and whatever
/// the specification forbids is refused.
struct Decoder {
    enum Order: UInt8, Sendable {
        case little = 0x6c
        case big = 0x42
    }

    private let bytes: ArraySlice<UInt8>
    private let order: Order
    /// Alignments count from here.
    private let base: Int
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>, order: Order) {
        self.bytes = bytes
        self.order = order
        base = bytes.startIndex
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position == bytes.endIndex }

    private var left: Int { bytes.endIndex - position }

    mutating func decode(_ type: DataType, depth: Int = 0) throws(DBusError) -> Value {
        guard depth <= DataType.maximumDepth else { throw .malformed("a value nested too deeply") }
        try align(to: type.alignment)
        switch type {
        case .byte: return .byte(try integer())
        case .boolean:
            let value: UInt32 = try integer()
            guard value <= 1 else { throw .malformed("a boolean of \(value)") }
            return .boolean(value == 1)
        case .int16: return .int16(Int16(bitPattern: try integer()))
        case .uint16: return .uint16(try integer())
        case .int32: return .int32(Int32(bitPattern: try integer()))
        case .uint32: return .uint32(try integer())
        case .int64: return .int64(Int64(bitPattern: try integer()))
        case .uint64: return .uint64(try integer())
        case .double: return .double(Double(bitPattern: try integer()))
        case .unixFD: return .unixFD(try integer())
        case .string:
            return .string(try text(length: Int(try integer() as UInt32)))
        case .objectPath:
            let path = try text(length: Int(try integer() as UInt32))
            guard Names.isObjectPath(path.utf8) else { throw .malformed("an object path \"\(path)\"") }
            return .objectPath(path)
        case .signature: return .signature(try signature())
        case .array(let element): return try array(of: element, depth: depth)
        case .structure(let types):
            var members: [Value] = []
            for type in types { members.append(try decode(type, depth: depth + 1)) }
            return .structure(members)
        case .dictionaryEntry(let key, let value):
            let key = try decode(key, depth: depth + 1)
            return .dictionaryEntry(key: key, try decode(value, depth: depth + 1))
        case .variant:
            let code = try signature()
            guard let type = DataType.single(code.utf8) else {
                throw .malformed("a variant of type \"\(code)\"")
            }
            return .variant(try decode(type, depth: depth + 1))
        }
    }

    private mutating func array(of element: DataType, depth: Int) throws(DBusError) -> Value {
        let length = Int(try integer() as UInt32)
        guard length <= Encoder.maximumArray else { throw .malformed("an array of \(length) bytes") }
        try align(to: element.alignment)
        guard length <= left else { throw .malformed("an array longer than its message") }
        let end = position + length
        if element == .byte {
            defer { position = end }
            return .bytes(Array(bytes[position..<end]))
        }
        var values: [Value] = []
        // No type takes no room, so this ends.
        while position < end { values.append(try decode(element, depth: depth + 1)) }
        guard position == end else { throw .malformed("an array that ends within an element") }
        return .array(of: element, values)
    }

    private mutating func signature() throws(DBusError) -> String {
        let code = try text(length: Int(try integer() as UInt8))
        guard DataType.list(code.utf8) != nil else { throw .malformed("a signature \"\(code)\"") }
        return code
    }

    /// So many bytes of UTF-8 and the zero byte after them.
    private mutating func text(length: Int) throws(DBusError) -> String {
        guard length < left else { throw .malformed("a string longer than its message") }
        let content = bytes[position..<position + length]
        guard bytes[position + length] == 0, !content.contains(0) else {
            throw .malformed("a string that does not end where it should")
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw .malformed("a string that is not UTF-8")
        }
        position += length + 1
        return text
    }

    private mutating func integer<Word: FixedWidthInteger & UnsignedInteger>() throws(DBusError) -> Word {
        let count = Word.bitWidth / 8
        guard count <= left else { throw .malformed("it ends within a number") }
        let word = bytes[position..<position + count]
        position += count
        var value: UInt64 = 0
        switch order {
        case .little: for byte in word.reversed() { value = value << 8 | UInt64(byte) }
        case .big: for byte in word { value = value << 8 | UInt64(byte) }
        }
        return Word(truncatingIfNeeded: value)
    }

    /// Padding is zeros.
    mutating func align(to alignment: Int) throws(DBusError) {
        while (position - base) % alignment != 0 {
            guard left > 0, bytes[position] == 0 else { throw .malformed("padding that is not there") }
            position += 1
        }
    }
}
