/// Why a command could not be carried out, in the parts a reader needs: where the demand came from,
/// what was being done, what stood in the way, and what to do about it.
///
/// Rendered as `ORIGIN: DOING: REASON; REMEDY`, for example
/// `/mounts/3: mount tmpfs on /run: invalid argument (EINVAL): unknown option "sise=64k"`.
public struct Failure: Error, Equatable, Sendable {
    /// Who asked for what failed.
    public enum Origin: Equatable, Sendable {
        /// A field of config.json, as a JSON pointer (RFC 6901).
        case config(Pointer)
        /// A command-line option or argument, as typed: `--pid-file`.
        case option(String)
        /// A rule of the runtime or of the specification; there is no field to point at.
        case runtime
    }

    public var origin: Origin
    /// The action, with the names of everything it touched: `mount tmpfs on /run`. May be empty.
    public var doing: String
    /// The kernel's answer, if it was the kernel that refused.
    public var errno: Errno?
    /// What is wrong, in words; empty if `errno` says it all.
    public var reason: String
    /// What the reader can do about it, if that is known.
    public var remedy: String?

    public init(
        _ origin: Origin = .runtime, doing: String = "", errno: Errno? = nil, reason: String = "",
        remedy: String? = nil
    ) {
        self.origin = origin
        self.doing = doing
        self.errno = errno
        self.reason = reason
        self.remedy = remedy
    }

    /// A failure of a configured value.
    public init(at pointer: Pointer, _ reason: String, remedy: String? = nil) {
        self.init(.config(pointer), reason: reason, remedy: remedy)
    }

    /// A failure that is nobody's field.
    public init(_ reason: String, remedy: String? = nil) {
        self.init(.runtime, reason: reason, remedy: remedy)
    }

    /// A refused system call, blamed on `origin`.
    public init(_ origin: Origin, _ error: SystemError, remedy: String? = nil) {
        self.init(origin, doing: error.doing, errno: error.errno, remedy: remedy)
    }
}

extension Failure.Origin {
    /// The pointer, the option, or `(runtime)`.
    public var source: String {
        switch self {
        case .config(let pointer): pointer.description
        case .option(let option): option
        case .runtime: "(runtime)"
        }
    }
}

extension Failure {
    /// Does `body`, and blames what the kernel refuses in it on `origin`.
    @inline(__always)
    public static func blaming<Result: ~Copyable>(
        _ origin: Origin = .runtime, remedy: String? = nil, _ body: () throws(SystemError) -> Result
    ) throws(Failure) -> Result {
        do throws(SystemError) {
            return try body()
        } catch {
            throw Failure(origin, error, remedy: remedy)
        }
    }
}

/// A system call that the kernel refused: what it was to do, and the answer.
public struct SystemError: Error, Equatable, Sendable {
    /// The call and its objects: `open /run/apus/c1/state.json`.
    public var doing: String
    public var errno: Errno

    public init(_ doing: String, _ errno: Errno) {
        self.doing = doing
        self.errno = errno
    }
}

extension SystemError: CustomStringConvertible {
    public var description: String { "\(doing): \(errno)" }
}

extension Failure: CustomStringConvertible {
    public var description: String {
        var parts: [String] = []
        switch origin {
        case .config(let pointer): if !pointer.description.isEmpty { parts.append(pointer.description) }
        case .option(let option): parts.append(option)
        case .runtime: break
        }
        if !doing.isEmpty { parts.append(doing) }
        if let errno { parts.append(errno.description) }
        if !reason.isEmpty { parts.append(reason) }
        let text = parts.joined(separator: ": ")
        guard let remedy else { return text }
        return "\(text); \(remedy)"
    }
}
