/// The options that were given to the program or to a command.
public struct Values: Equatable, Sendable {
    private struct Given: Equatable {
        var name: Flag.Name
        var value: String
    }

    private var given: [Given] = []

    init() {}

    mutating func add(_ name: Flag.Name, _ value: String) { given.append(Given(name: name, value: value)) }

    /// Whether an option was given at all.
    public func isGiven(_ name: Flag.Name) -> Bool { given.contains { $0.name == name } }

    /// The value an option was given last; `nil` if it was not given.
    public func text(_ name: Flag.Name) -> String? { given.last { $0.name == name }?.value }

    /// The values of a repeatable option, in their order.
    public func all(_ name: Flag.Name) -> [String] {
        var values: [String] = []
        for option in given where option.name == name { values.append(option.value) }
        return values
    }

    /// Whether an option that takes no value is on.
    public func isOn(_ name: Flag.Name) -> Bool { text(name) == Values.on }

    /// Which of some options was given last.
    public func last(where isWanted: (Flag.Name) -> Bool) -> Flag.Name? {
        given.last { isWanted($0.name) }?.name
    }

    /// The value of an option that takes a whole number.
    public func number(_ name: Flag.Name) -> Int? { text(name).flatMap { Int($0) } }

    static let on = "true"
    static let off = "false"

    /// A truth value in the spellings of Go's `strconv.ParseBool`, which engines write.
    public static func truth(_ written: String) -> Bool? {
        switch written {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}
