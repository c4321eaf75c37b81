import TOMLKit

/// A value of a TOML document.
indirect enum TOMLNode: Equatable, Sendable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([TOMLNode])
    case table([String: TOMLNode])
    /// A number with a fraction, a date or a time: no setting is one.
    case other(String)

    init(_ value: any TOMLValueConvertible) {
        if let string = value.string {
            self = .string(string)
        } else if let integer = value.int {
            self = .integer(integer)
        } else if let boolean = value.bool {
            self = .boolean(boolean)
        } else if let array = value.array {
            self = .array(array.map { TOMLNode($0) })
        } else if let table = value.table {
            self = .init(table)
        } else {
            self = .other(value.type.description)
        }
    }

    init(_ table: TOMLTable) {
        var members: [String: TOMLNode] = [:]
        for key in table.keys { members[key] = table[key].map { TOMLNode($0) } }
        self = .table(members)
    }

    /// What it is, for messages: `the number 5`.
    var description: String {
        switch self {
        case .string(let text): quoted(text)
        case .integer(let number): "the number \(number)"
        case .boolean(let value): "\(value)"
        case .array: "an array"
        case .table: "a table"
        case .other(let type): "a \(type)"
        }
    }
}

/// A text as TOML writes it (a basic string), on one line.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
