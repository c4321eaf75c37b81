import CKernel

/// An error number of the kernel, with the two names people and programs know it by.
///
/// The description is glibc's text with a lower-case first letter ("no such file or directory"):
/// container engines search error messages for exactly these fragments.
public struct Errno: Error, Equatable, Hashable, Sendable {
    public let rawValue: Int32

    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// The macro's name, for example `ENOENT`; `errno 4095` for a number that has none.
    public var name: String {
        guard let name = strerrorname_np(rawValue) else { return "errno \(rawValue)" }
        return String(cString: name)
    }

    /// What it means, for example `no such file or directory`.
    public var text: String {
        guard let text = strerrordesc_np(rawValue) else { return "unknown error" }
        let description = String(cString: text)
        // "RPC struct is bad" and the like keep their capitals.
        let second = description.dropFirst().first
        if second?.isUppercase == true { return description }
        return description.prefix(1).lowercased() + description.dropFirst()
    }

    /// Both: `no such file or directory (ENOENT)`.
    public var description: String { "\(text) (\(name))" }
}

extension Errno: CustomStringConvertible {}
