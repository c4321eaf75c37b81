import Diagnosis

/// Why a call had no answer, or not the one that was hoped for.
public enum DBusError: Error, Equatable, Sendable {
    /// A system call failed; ETIMEDOUT is the time limit of the call.
    case system(SystemError)
    /// The other end closed the connection. A call that was under way may have been carried out.
    case closed
    /// No address could be reached: each with its reason.
    case unreachable(String)
    /// The other end does not believe that we are who we are.
    case unauthenticated(String)
    /// What came in is no message. The connection is of no more use.
    case malformed(String)
    /// What was to be sent cannot be: a NUL byte in a string, an array of mixed types, too much of it.
    case unsendable(String)
    /// The method answered with an error.
    case refused(name: String, message: String)
    /// The method answered with something else than it is documented to.
    case unexpected(String)

    /// The name of the error with which the method answered, if it was that.
    public var name: String? {
        if case .refused(let name, _) = self { return name }
        return nil
    }
}

extension DBusError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let error): "D-Bus: \(error)"
        case .closed: "D-Bus: the other end closed the connection"
        case .unreachable(let reason): "D-Bus: cannot connect: \(reason)"
        case .unauthenticated(let reason): "D-Bus: authentication refused: \(reason)"
        case .malformed(let reason): "D-Bus: malformed message: \(reason)"
        case .unsendable(let reason): "D-Bus: cannot send: \(reason)"
        case .refused(let name, let message): message.isEmpty ? name : "\(message) (\(name))"
        case .unexpected(let reason): "D-Bus: unexpected answer: \(reason)"
        }
    }
}

extension Failure {
    /// A failed call, blamed on `origin`.
    public init(_ origin: Origin = .runtime, doing: String, _ error: DBusError, remedy: String? = nil) {
        if case .system(let error) = error {
            self.init(
                origin, doing: doing.isEmpty ? error.doing : "\(doing): \(error.doing)", errno: error.errno,
                remedy: remedy)
        } else {
            self.init(origin, doing: doing, reason: "\(error)", remedy: remedy)
        }
    }
}
