/// A JSON pointer (RFC 6901) to a field of config.json: `/linux/seccomp/syscalls/3/action`.
public struct Pointer: Equatable, Hashable, Sendable {
    /// The pointer in its written form; empty for the whole document.
    public private(set) var description: String

    public init(_ written: String = "") { description = written }

    /// The pointer to a member of the object pointed at. `~` and `/` in the name are escaped.
    public func key(_ name: String) -> Pointer {
        guard name.utf8.contains(where: { $0 == 0x7e || $0 == 0x2f }) else {
            return Pointer(description + "/" + name)
        }
        var escaped = description + "/"
        for character in name.unicodeScalars {
            switch character {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return Pointer(escaped)
    }

    /// The pointer to an element of the array pointed at.
    public func index(_ position: Int) -> Pointer { Pointer("\(description)/\(position)") }
}

extension Pointer: CustomStringConvertible {}

extension Pointer: ExpressibleByStringLiteral {
    public init(stringLiteral written: String) { self.init(written) }
}
