/// Writes messages in the wire format of protocol buffers: fields in a row, each a number, a kind and a value.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func field(_ number: Int, _ value: Bool) { field(number, value ? 1 : 0 as UInt64) }

    /// A negative number is written as one of 64 bits, whatever its own size.
    mutating func field(_ number: Int, _ value: Int32) {
        field(number, UInt64(bitPattern: Int64(value)))
    }

    mutating func field(_ number: Int, _ value: UInt32) { field(number, UInt64(value)) }

    mutating func field(_ number: Int, _ value: UInt64) {
        key(number, .varint)
        varint(value)
    }

    mutating func field(_ number: Int, _ text: String) { field(number, Array(text.utf8)) }

    /// A message within this one.
    mutating func field(_ number: Int, _ write: (inout WireWriter) -> Void) {
        var inner = WireWriter()
        write(&inner)
        field(number, inner.bytes)
    }

    private mutating func field(_ number: Int, _ content: [UInt8]) {
        key(number, .bytes)
        varint(UInt64(content.count))
        bytes += content
    }

    private mutating func key(_ number: Int, _ kind: WireKind) {
        varint(UInt64(number) << 3 | UInt64(kind.rawValue))
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// What follows a field's number.
enum WireKind: UInt8 {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case fixed32 = 5
}
