import Diagnosis

/// Why a request makes no container.
package struct SpecificationError: Error, Equatable, Sendable {
    /// What a client is told of it by the status code.
    package enum Kind: Equatable, Sendable {
        /// The request is malformed, contradicts itself, or asks for what this host or handler has not.
        case invalidArgument
        /// Something that the request names is not there.
        case notFound
        /// The interface has it, this implementation has not.
        case unimplemented
        /// Nothing that the request says is at fault.
        case `internal`
    }

    package var kind: Kind
    /// The origin is a JSON pointer into CreateContainerRequest, with the names of api.proto:
    /// `/config/linux/security_context/run_as_user`.
    package var failure: Failure

    package init(_ kind: Kind, _ failure: Failure) {
        self.kind = kind
        self.failure = failure
    }

    package init(
        _ kind: Kind = .invalidArgument, at pointer: Pointer, _ reason: String, remedy: String? = nil
    ) {
        self.init(kind, Failure(at: pointer, reason, remedy: remedy))
    }

    /// A refused system call, blamed on a field. What is missing is not found; all else is the host's fault.
    package init(at pointer: Pointer, _ error: SystemError, remedy: String? = nil) {
        self.init(
            error.errno.name == "ENOENT" ? .notFound : .internal,
            Failure(.config(pointer), error, remedy: remedy))
    }

    /// A field that is set, and that nothing here can honour.
    static func unimplemented(at pointer: Pointer, _ reason: String, remedy: String? = nil) -> Self {
        Self(.unimplemented, at: pointer, reason, remedy: remedy)
    }
}

extension SpecificationError: CustomStringConvertible {
    package var description: String { failure.description }
}

/// A text of a request as messages show it: in quotes, cut if it is long, on one line.
func quoted(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(80).map { $0.escaped(asASCII: false) }.joined()
    return "\"\(shown)\(text.unicodeScalars.count > 80 ? "…" : "")\""
}

/// The same for an enumeration's number that api.proto does not have.
func unknownValue(_ number: Int, of type: String, at pointer: Pointer) -> SpecificationError {
    SpecificationError(at: pointer, "\(number) is not a \(type)")
}
