import Diagnosis
import Glibc

/// Why something could not be done with an image, by what a caller can do about it.
public struct ImageError: Error, Sendable, CustomStringConvertible {
    /// What kind of trouble it is: each has a gRPC status of its own in the CRI layer.
    public enum Kind: Sendable, Equatable {
        /// The request itself is wrong: a reference that is none, an unsupported option.
        case invalid
        /// There is no such image or layer, here or in the registry.
        case notFound
        /// The registry wants credentials, or better ones.
        case denied
        /// The registry cannot be reached, or broke off: another try may succeed.
        case unavailable
        /// What came is not what was announced: a digest, a size, a diffID, or a hostile archive.
        case corrupt
        /// No space, or a limit of ours: size, files, depth, ratio.
        case exhausted
        /// The caller's deadline has passed, or it has gone.
        case cancelled
        /// A fault of this host or of ours.
        case `internal`
    }

    public var kind: Kind
    public var failure: Failure

    public init(_ kind: Kind, _ failure: Failure) {
        self.kind = kind
        self.failure = failure
    }

    /// `doing: reason; remedy`.
    public init(_ kind: Kind, doing: String, _ reason: String, remedy: String? = nil) {
        self.init(kind, Failure(.runtime, doing: doing, reason: reason, remedy: remedy))
    }

    /// What the kernel refused: no space is `exhausted`, all else `internal`.
    public init(_ error: SystemError) {
        self.init(
            error.errno.rawValue == ENOSPC || error.errno.rawValue == EDQUOT ? .exhausted : .internal,
            Failure(.runtime, error))
    }

    public var description: String { failure.description }
}
