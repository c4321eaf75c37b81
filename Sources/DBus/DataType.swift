/// The type of a value (D-Bus Specification, "Type System").
public indirect enum DataType: Equatable, Hashable, Sendable {
    case byte, boolean, int16, uint16, int32, uint32, int64, uint64, double
    case string, objectPath, signature, unixFD
    case array(DataType)
    case structure([DataType])
    case variant
    /// Only as the element of an array. The key is a basic type.
    case dictionaryEntry(DataType, DataType)

    /// Containers within containers, arrays and structures together: the specification allows 32 of each.
    static let maximumDepth = 64

    /// As it stands in a signature.
    public var code: String {
        switch self {
        case .byte: "y"
        case .boolean: "b"
        case .int16: "n"
        case .uint16: "q"
        case .int32: "i"
        case .uint32: "u"
        case .int64: "x"
        case .uint64: "t"
        case .double: "d"
        case .string: "s"
        case .objectPath: "o"
        case .signature: "g"
        case .unixFD: "h"
        case .variant: "v"
        case .array(let element): "a" + element.code
        case .structure(let members): "(" + members.map(\.code).joined() + ")"
        case .dictionaryEntry(let key, let value): "{" + key.code + value.code + "}"
        }
    }

    /// Where a value of the type may start, in bytes from the start of the message.
    var alignment: Int {
        switch self {
        case .byte, .signature, .variant: 1
        case .int16, .uint16: 2
        case .boolean, .int32, .uint32, .unixFD, .string, .objectPath, .array: 4
        case .int64, .uint64, .double, .structure, .dictionaryEntry: 8
        }
    }

    var isBasic: Bool {
        switch self {
        case .array, .structure, .variant, .dictionaryEntry: false
        default: true
        }
    }

    /// The types in a signature: none or more complete types, 255 bytes at most.
    ///
    /// - Returns: `nil` if it is not a valid one.
    public static func list(_ signature: some Sequence<UInt8>) -> [DataType]? {
        var parser = SignatureParser(codes: Array(signature))
        return parser.list()
    }

    /// The type in a signature of exactly one.
    public static func single(_ signature: some Sequence<UInt8>) -> DataType? {
        guard let types = list(signature), types.count == 1 else { return nil }
        return types[0]
    }
}

/// Reads a signature from the left; `nil` is a fault in it.
private struct SignatureParser {
    let codes: [UInt8]
    var position = 0

    init(codes: [UInt8]) { self.codes = codes }

    mutating func list() -> [DataType]? {
        guard codes.count <= 255 else { return nil }
        var types: [DataType] = []
        while position < codes.count {
            guard let type = next(arrays: 0, structures: 0, inArray: false) else { return nil }
            types.append(type)
        }
        return types
    }

    private mutating func next(arrays: Int, structures: Int, inArray: Bool) -> DataType? {
        guard position < codes.count, arrays <= 32, structures <= 32 else { return nil }
        let code = codes[position]
        position += 1
        switch code {
        case UInt8(ascii: "y"): return .byte
        case UInt8(ascii: "b"): return .boolean
        case UInt8(ascii: "n"): return .int16
        case UInt8(ascii: "q"): return .uint16
        case UInt8(ascii: "i"): return .int32
        case UInt8(ascii: "u"): return .uint32
        case UInt8(ascii: "x"): return .int64
        case UInt8(ascii: "t"): return .uint64
        case UInt8(ascii: "d"): return .double
        case UInt8(ascii: "s"): return .string
        case UInt8(ascii: "o"): return .objectPath
        case UInt8(ascii: "g"): return .signature
        case UInt8(ascii: "h"): return .unixFD
        case UInt8(ascii: "v"): return .variant
        case UInt8(ascii: "a"):
            return next(arrays: arrays + 1, structures: structures, inArray: true).map { .array($0) }
        case UInt8(ascii: "("):
            var members: [DataType] = []
            while position < codes.count, codes[position] != UInt8(ascii: ")") {
                guard let member = next(arrays: arrays, structures: structures + 1, inArray: false) else {
                    return nil
                }
                members.append(member)
            }
            guard position < codes.count, !members.isEmpty else { return nil }
            position += 1
            return .structure(members)
        case UInt8(ascii: "{"):
            guard inArray, let key = next(arrays: arrays, structures: structures + 1, inArray: false),
                key.isBasic,
                let value = next(arrays: arrays, structures: structures + 1, inArray: false),
                position < codes.count, codes[position] == UInt8(ascii: "}")
            else { return nil }
            position += 1
            return .dictionaryEntry(key, value)
        default: return nil
        }
    }
}
