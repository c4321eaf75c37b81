import Diagnosis

/// Why a call failed, as its client is told: a status that kubelet and crictl act upon, and the words.
package struct CRIError: Error, Equatable, Sendable {
    /// The statuses of gRPC that calls end with (grpc/doc/statuscodes.md); `ok`, `OUT_OF_RANGE` and `DATA_LOSS` are not
    /// among them.
    package enum Code: Int, Sendable, CaseIterable {
        case cancelled = 1
        /// kubelet shows the words of such an error without "rpc error: code = Unknown desc =", which is the only way to
        /// tell it one of its own errors: see ``registryUnavailable``.
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
        case unauthenticated = 16
    }

    package var code: Code
    package var failure: Failure
    /// A word that kubelet looks for at the beginning of the message, such as ``registryUnavailable``.
    package var marker: String?

    package init(_ code: Code, _ failure: Failure, marker: String? = nil) {
        self.code = code
        self.failure = failure
        self.marker = marker
    }

    /// `doing: reason; remedy`.
    package init(_ code: Code, doing: String = "", _ reason: String, remedy: String? = nil) {
        self.init(code, Failure(.runtime, doing: doing, reason: reason, remedy: remedy))
    }

    /// What kubelet's image manager takes for a registry that cannot be reached just now, if a pull's message begins with
    /// it and the code is ``Code/unknown`` (cri-api, pkg/errors).
    package static let registryUnavailable = "RegistryUnavailable"
    /// As ``registryUnavailable``, for an image whose signature is not accepted.
    package static let signatureValidationFailed = "SignatureValidationFailed"
}

extension CRIError {
    /// Nothing has this id or name: `no container "c1"`.
    package static func notFound(_ kind: String, _ name: String) -> CRIError {
        CRIError(.notFound, "no \(kind) \"\(name)\"")
    }

    /// A field that asks for what cannot be, named as protobuf's JSON mapping spells it.
    package static func invalid(_ pointer: Pointer, _ reason: String, remedy: String? = nil) -> CRIError {
        CRIError(.invalidArgument, Failure(at: pointer, reason, remedy: remedy))
    }

    /// Something is not in the state that the call needs it in.
    package static func precondition(_ reason: String, remedy: String? = nil) -> CRIError {
        CRIError(.failedPrecondition, reason, remedy: remedy)
    }

    /// A call that there is no code for.
    package static func unimplemented(_ call: String) -> CRIError {
        CRIError(.unimplemented, "\(call) is not supported")
    }

    /// The text that the client gets.
    package var message: String {
        marker.map { "\($0): \(failure)" } ?? failure.description
    }
}

extension CRIError: CustomStringConvertible {
    /// `notFound: no container "c1"`.
    package var description: String { "\(code): \(message)" }
}
