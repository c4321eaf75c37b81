/// A value with its type (D-Bus Specification, "Type System").
public indirect enum Value: Equatable, Sendable {
    case byte(UInt8)
    case boolean(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    /// The index of a descriptor beside the message. Never sent: descriptors are not negotiated.
    case unixFD(UInt32)
    /// An array of bytes, `ay`, which would be ten times its size as an array of values.
    case bytes([UInt8])
    /// Any other array; an empty one has a type too.
    case array(of: DataType, [Value])
    case structure([Value])
    case dictionaryEntry(key: Value, Value)
    case variant(Value)

    public var type: DataType {
        switch self {
        case .byte: .byte
        case .boolean: .boolean
        case .int16: .int16
        case .uint16: .uint16
        case .int32: .int32
        case .uint32: .uint32
        case .int64: .int64
        case .uint64: .uint64
        case .double: .double
        case .string: .string
        case .objectPath: .objectPath
        case .signature: .signature
        case .unixFD: .unixFD
        case .bytes: .array(.byte)
        case .array(let element, _): .array(element)
        case .structure(let members): .structure(members.map(\.type))
        case .dictionaryEntry(let key, let value): .dictionaryEntry(key.type, value.type)
        case .variant: .variant
        }
    }

    /// An array of strings, `as`.
    public static func strings(_ values: [String]) -> Value {
        .array(of: .string, values.map { .string($0) })
    }

    /// What is in a variant, or the value itself.
    public var unwrapped: Value {
        if case .variant(let value) = self { return value.unwrapped }
        return self
    }

    /// The text of a string, an object path or a signature.
    public var text: String? {
        switch self {
        case .string(let text), .objectPath(let text), .signature(let text): text
        default: nil
        }
    }
}
