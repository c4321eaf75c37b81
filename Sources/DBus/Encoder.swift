/// Writes values in the wire format (D-Bus Specification, "Marshaling"), least significant byte first.
struct Encoder {
    private(set) var bytes: [UInt8] = []

    /// 2²⁶ bytes, by the specification.
    static let maximumArray = 1 << 26

    mutating func encode(_ value: Value, depth: Int = 0) throws(DBusError) {
        guard depth <= DataType.maximumDepth else { throw .unsendable("a value nested too deeply") }
        pad(to: value.type.alignment)
        switch value {
        case .byte(let value): bytes.append(value)
        case .boolean(let value): integer(UInt32(value ? 1 : 0))
        case .int16(let value): integer(UInt16(bitPattern: value))
        case .uint16(let value): integer(value)
        case .int32(let value): integer(UInt32(bitPattern: value))
        case .uint32(let value): integer(value)
        case .int64(let value): integer(UInt64(bitPattern: value))
        case .uint64(let value): integer(value)
        case .double(let value): integer(value.bitPattern)
        case .string(let text): try string(text)
        case .objectPath(let path):
            guard Names.isObjectPath(path.utf8) else { throw .unsendable("\"\(path)\" is no object path") }
            try string(path)
        case .signature(let text):
            guard DataType.list(text.utf8) != nil else { throw .unsendable("\"\(text)\" is no signature") }
            signature(text)
        case .unixFD: throw .unsendable("a descriptor")
        case .bytes(let content):
            guard content.count <= Self.maximumArray else { throw .unsendable("an array too long") }
            integer(UInt32(content.count))
            bytes += content
        case .array(let element, let values):
            try array(of: element, values, depth: depth)
        case .structure(let members):
            guard !members.isEmpty else { throw .unsendable("a structure without members") }
            for member in members { try encode(member, depth: depth + 1) }
        case .dictionaryEntry(let key, let value):
            guard key.type.isBasic else { throw .unsendable("a dictionary's key of type \(key.type.code)") }
            try encode(key, depth: depth + 1)
            try encode(value, depth: depth + 1)
        case .variant(let value):
            let code = value.type.code
            guard DataType.single(code.utf8) != nil else {
                throw .unsendable("a variant of type \"\(code)\"")
            }
            signature(code)
            try encode(value, depth: depth + 1)
        }
    }

    private mutating func array(of element: DataType, _ values: [Value], depth: Int) throws(DBusError) {
        let lengthAt = bytes.count
        integer(UInt32(0))
        // The padding before the first element does not count, and is there without one too.
        pad(to: element.alignment)
        let start = bytes.count
        for value in values {
            guard value.type == element else {
                throw .unsendable("a \(value.type.code) in an array of \(element.code)")
            }
            try encode(value, depth: depth + 1)
        }
        guard bytes.count - start <= Self.maximumArray else { throw .unsendable("an array too long") }
        let length = UInt32(bytes.count - start)
        for place in 0..<4 { bytes[lengthAt + place] = UInt8(truncatingIfNeeded: length >> (place * 8)) }
    }

    private mutating func string(_ text: String) throws(DBusError) {
        guard text.utf8.count <= Self.maximumArray else { throw .unsendable("a string too long") }
        guard !text.utf8.contains(0) else { throw .unsendable("a string with a NUL byte") }
        integer(UInt32(text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    /// Of at most 255 bytes, which the caller has made sure of.
    private mutating func signature(_ text: String) {
        bytes.append(UInt8(truncatingIfNeeded: text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    mutating func integer(_ value: some FixedWidthInteger) {
        for place in 0..<value.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (place * 8))) }
    }

    mutating func pad(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    mutating func append(_ other: [UInt8]) { bytes += other }
}
