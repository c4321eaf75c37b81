/// Why a value is not what a setting takes.
struct UnsuitableValue: Error {
    /// `is the number 5; this is true or false`.
    var reason: String
    /// The element of an array that is meant.
    var element: Int?

    init(_ node: TOMLNode, _ wanted: String) { reason = "is \(node.description), which is not \(wanted)" }
    init(_ reason: String) { self.reason = reason }
}

/// What a setting's value can be, in TOML and in Swift.
protocol SettingValue: Sendable {
    init(_ node: TOMLNode) throws(UnsuitableValue)
    /// As the default file has it.
    var toml: String { get }
}

extension String: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        guard case .string(let text) = node else { throw UnsuitableValue(node, "text in quotes") }
        self = text
    }

    var toml: String { quoted(self) }
}

extension Bool: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        guard case .boolean(let value) = node else { throw UnsuitableValue(node, "true or false") }
        self = value
    }

    var toml: String { "\(self)" }
}

extension Int: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        guard case .integer(let value) = node, value >= 0 else {
            throw UnsuitableValue(node, "a whole number")
        }
        self = value
    }

    var toml: String { "\(self)" }
}

extension Array: SettingValue where Element: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        guard case .array(let nodes) = node else { throw UnsuitableValue(node, "an array") }
        self = []
        for (number, node) in nodes.enumerated() {
            do throws(UnsuitableValue) { append(try Element(node)) } catch {
                var error = error
                error.element = number
                throw error
            }
        }
    }

    /// On one line, or on as many as it takes.
    var toml: String {
        let line = "[" + map(\.toml).joined(separator: ", ") + "]"
        if line.count <= 90 { return line }
        var lines = [""]
        for element in map(\.toml) {
            let text = lines[lines.count - 1]
            if !text.isEmpty, text.count + element.count > 90 { lines.append("") }
            lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "    " : " ") + element + ","
        }
        return "[\n" + lines.joined(separator: "\n") + "\n]"
    }
}

/// Nothing is written as an empty text, or 0.
extension Optional: SettingValue where Wrapped: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        self = node == .string("") ? nil : node == .integer(0) ? nil : try Wrapped(node)
    }

    var toml: String { self?.toml ?? (Wrapped.self == PositiveCount.self ? "0" : "\"\"") }
}

extension SettingValue where Self: RawRepresentable & CaseIterable, RawValue == String {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        let names = Self.allCases.map { quoted($0.rawValue) }
        guard case .string(let text) = node, let value = Self(rawValue: text) else {
            throw UnsuitableValue(
                node, names.dropLast().joined(separator: ", ") + " or " + (names.last ?? ""))
        }
        self = value
    }

    var toml: String { quoted(rawValue) }
}

extension Configuration.Log.Level: SettingValue {}
extension Configuration.Log.Format: SettingValue {}
extension Configuration.Cgroups.Driver: SettingValue {}
extension Configuration.Handler.Kind: SettingValue {}
extension Configuration.Pods.UnsetSeccomp: SettingValue {}

extension FileMode: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        // Without quotes 660 would be decimal.
        guard case .string(let text) = node, text.utf8.allSatisfy({ (0x30...0x37).contains($0) }),
            let value = UInt32(text, radix: 8), value <= 0o777
        else { throw UnsuitableValue(node, "an octal number up to \"0777\" in quotes") }
        rawValue = value
    }

    var toml: String { "\"0\(String(rawValue, radix: 8))\"" }
}

extension PositiveCount: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) { value = try Int(node) }

    var toml: String { "\(value)" }
}

/// `text` in digits and a unit; nil if the digits are none.
private func split(_ text: String) -> (number: Int, unit: String)? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    return Int(digits).map { ($0, text[digits.endIndex...].trimmingPrefix(" ").description) }
}

extension TimeSpan: SettingValue {
    private static let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]

    init(_ node: TOMLNode) throws(UnsuitableValue) {
        guard case .string(let text) = node, let (number, name) = split(text),
            let unit = Self.units.first(where: { $0.0 == name })?.1,
            case let (milliseconds, false) = number.multipliedReportingOverflow(by: unit)
        else { throw UnsuitableValue(node, "a time, such as \"500ms\", \"10s\", \"5m\" or \"1h\"") }
        self.init(milliseconds: milliseconds)
    }

    var toml: String {
        let (name, unit) = Self.units.first { milliseconds % $0.1 == 0 && milliseconds >= $0.1 } ?? ("ms", 1)
        return "\"\(milliseconds / unit)\(name)\""
    }
}

extension ByteCount: SettingValue {
    private static let units: [(String, UInt64)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    init(_ node: TOMLNode) throws(UnsuitableValue) {
        if case .integer(let count) = node, count >= 0 {
            bytes = UInt64(count)
            return
        }
        guard case .string(let text) = node, let (number, name) = split(text),
            let unit = Self.units.first(where: { $0.0 == name })?.1,
            case let (bytes, false) = UInt64(number).multipliedReportingOverflow(by: unit)
        else {
            throw UnsuitableValue(node, "a count of bytes, such as 4096, \"64KiB\", \"16MiB\" or \"1GiB\"")
        }
        self.bytes = bytes
    }

    var toml: String {
        guard let (name, unit) = Self.units.first(where: { bytes % $0.1 == 0 && bytes >= $0.1 }), unit > 1
        else {
            return "\(bytes)"
        }
        return "\"\(bytes / unit)\(name)\""
    }
}

extension ResourceLimit: SettingValue {
    init(_ node: TOMLNode) throws(UnsuitableValue) {
        let wanted = "a limit, such as \"nofile=1024:4096\" or \"core=unlimited\""
        guard case .string(let text) = node, let equals = text.firstIndex(of: "=") else {
            throw UnsuitableValue(node, wanted)
        }
        let name = String(text[..<equals])
        guard Self.names.contains(name) else {
            let guess =
                Spelling.nearest(to: name, among: Self.names).map { "; did you mean \"\($0)\"?" } ?? ""
            throw UnsuitableValue("has the name \(quoted(name)), which getrlimit(2) does not know\(guess)")
        }
        let numbers = text[text.index(after: equals)...].split(
            separator: ":", omittingEmptySubsequences: false
        )
        .map { $0 == "unlimited" ? Self.unlimited : UInt64($0) }
        guard (1...2).contains(numbers.count), let soft = numbers[0], let hard = numbers.last ?? nil else {
            throw UnsuitableValue(node, wanted)
        }
        guard soft <= hard else { throw UnsuitableValue("has a soft limit above the hard one") }
        self.init(name: name, soft: soft, hard: hard)
    }

    var toml: String {
        func number(_ value: UInt64) -> String { value == Self.unlimited ? "unlimited" : "\(value)" }
        return quoted("\(name)=\(number(soft)):\(number(hard))")
    }
}
