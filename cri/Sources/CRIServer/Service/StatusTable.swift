import Diagnosis
import Glibc
import CRISpec
import Images
import MonitorProtocol
import PodNetwork

// The one table from errors to statuses. What kubelet makes of them (pkg/kubelet):
//
// - NOT_FOUND of PodSandboxStatus and ContainerStatus: it is gone, and no error. Of removals: done.
// - DEADLINE_EXCEEDED of ExecSync: the probe has timed out, which counts against the container.
// - UNIMPLEMENTED of RuntimeConfig, GetContainerEvents, CheckpointContainer: it does without.
// - UNKNOWN of PullImage: the message's first word may be one of its own errors (CRIError.Code.unknown).
// - All else is shown, and tried again later.
extension CRIError {
    /// The status of whatever a handler threw.
    package init(_ error: any Error) {
        switch error {
        case let error as CRIError: self = error
        case let error as ImageError: self.init(error)
        case let error as SpecificationError: self.init(error)
        case let error as NetworkError: self.init(error)
        case let error as CDIError: self.init(.invalidArgument, error.failure)
        case MonitorError.refused(let failure): self.init(failure)
        case let error as MonitorError: self.init(.unavailable, "\(error)")
        case let failure as Failure: self.init(failure)
        case let error as SystemError: self.init(Self.code(of: error.errno), Failure(.runtime, error))
        case is CancellationError: self.init(.cancelled, "the call was cancelled")
        default: self.init(.unknown, Failure("\(error)"))
        }
    }

    /// A field of the request that is blamed is the client's fault; else the kernel's answer tells.
    package init(_ failure: Failure) {
        if let errno = failure.errno {
            self.init(Self.code(of: errno), failure)
        } else if case .runtime = failure.origin {
            self.init(.unknown, failure)
        } else {
            self.init(.invalidArgument, failure)
        }
    }

    package init(_ error: ImageError) {
        switch error.kind {
        case .invalid: self.init(.invalidArgument, error.failure)
        case .notFound: self.init(.notFound, error.failure)
        case .denied: self.init(.permissionDenied, error.failure)
        case .unavailable: self.init(.unknown, error.failure, marker: Self.registryUnavailable)
        case .corrupt: self.init(.failedPrecondition, error.failure)
        case .exhausted: self.init(.resourceExhausted, error.failure)
        case .cancelled: self.init(.cancelled, error.failure)
        case .internal: self.init(.internal, error.failure)
        }
    }

    package init(_ error: SpecificationError) {
        switch error.kind {
        case .invalidArgument: self.init(.invalidArgument, error.failure)
        case .notFound: self.init(.notFound, error.failure)
        case .unimplemented: self.init(.unimplemented, error.failure)
        case .internal: self.init(.internal, error.failure)
        }
    }

    package init(_ error: MonitorFailure) {
        let failure = Failure(error.kind == .runtime ? RuntimeWords.last(of: error.text) : error.text)
        switch error.kind {
        case .timedOut: self.init(.deadlineExceeded, failure)
        case .cancelled: self.init(.cancelled, failure)
        case .unknownContainer, .containerExists, .busy: self.init(.failedPrecondition, failure)
        case .malformed, .invalid: self.init(.internal, failure)
        case .system, .runtime: self.init(.unknown, failure)
        }
    }

    package init(_ error: NetworkError) {
        switch error.kind {
        case .invalid: self.init(.invalidArgument, error.failure)
        case .notReady: self.init(.unavailable, error.failure)
        case .timedOut: self.init(.deadlineExceeded, error.failure)
        case .cancelled: self.init(.cancelled, error.failure)
        case .internal: self.init(.internal, error.failure)
        case .plugin: self.init(.unknown, error.failure)
        }
    }

    private static func code(of errno: Errno) -> Code {
        switch errno.rawValue {
        case ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EAGAIN: .resourceExhausted
        case EINTR, ECANCELED: .cancelled
        case ETIMEDOUT, ETIME: .deadlineExceeded
        // Not NOT_FOUND, ALREADY_EXISTS and the like: a file that is missing here is not a container that is.
        default: .unknown
        }
    }
}
