/// Reads messages in the wire format of protocol buffers.
///
/// Every length is held against what is there before it is used. A field that nobody asks for is passed over, as
/// later releases may add some.
struct WireReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    enum Value: Equatable {
        case number(UInt64)
        case content(ArraySlice<UInt8>)

        /// The low 32 bits, as the format has it.
        var int32: Int32? {
            guard case .number(let number) = self else { return nil }
            return Int32(truncatingIfNeeded: number)
        }

        var bool: Bool? {
            guard case .number(let number) = self else { return nil }
            return number != 0
        }

        /// What is no UTF-8 is repaired: it is only ever shown.
        var text: String? { message.map { String(decoding: $0, as: UTF8.self) } }

        var message: ArraySlice<UInt8>? {
            guard case .content(let content) = self else { return nil }
            return content
        }
    }

    /// The next field; `nil` at the end.
    mutating func next() throws(MalformedMessage) -> (field: Int, value: Value)? {
        if position == bytes.endIndex { return nil }
        let key = try varint()
        guard let field = Int(exactly: key >> 3), field > 0 else {
            throw MalformedMessage("a field with the number \(key >> 3)")
        }
        switch WireKind(rawValue: UInt8(truncatingIfNeeded: key & 7)) {
        case .varint: return (field, .number(try varint()))
        case .fixed64: return (field, .number(try fixed(8)))
        case .fixed32: return (field, .number(try fixed(4)))
        case .bytes:
            let length = try varint()
            return (field, .content(try take(length)))
        case nil: throw MalformedMessage("a field of the kind \(key & 7)")
        }
    }

    private mutating func varint() throws(MalformedMessage) -> UInt64 {
        var value: UInt64 = 0
        for place in 0..<10 {
            guard position < bytes.endIndex else { throw MalformedMessage("it ends within a number") }
            let byte = bytes[position]
            position += 1
            // The tenth byte has room for one bit.
            if place == 9 && byte > 1 { break }
            value |= UInt64(byte & 0x7f) << (7 * place)
            if byte < 0x80 { return value }
        }
        throw MalformedMessage("a number of more than 64 bits")
    }

    private mutating func fixed(_ count: UInt64) throws(MalformedMessage) -> UInt64 {
        try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func take(_ count: UInt64) throws(MalformedMessage) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.endIndex - position) else {
            throw MalformedMessage("a field longer than its message")
        }
        let end = position + Int(count)
        defer { position = end }
        return bytes[position..<end]
    }
}

/// What is wrong with bytes that are no message.
struct MalformedMessage: Error, Equatable {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}
