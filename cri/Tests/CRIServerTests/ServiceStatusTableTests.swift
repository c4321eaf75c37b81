import CRIServer
import Diagnosis
import Glibc
import Images
import Testing

/// The table from errors to statuses.
struct ServiceStatusTableTests {
    @Test(arguments: [
        (ImageError.Kind.invalid, CRIError.Code.invalidArgument), (.notFound, .notFound),
        (.denied, .permissionDenied),
        (.corrupt, .failedPrecondition), (.exhausted, .resourceExhausted), (.cancelled, .cancelled),
        (.internal, .internal),
    ])
    func imageErrors(_ kind: ImageError.Kind, _ code: CRIError.Code) {
        let error = CRIError(ImageError(kind, doing: "pull a/b:c", "why", remedy: "do this"))
        #expect(error.code == code)
        #expect(error.message == "pull a/b:c: why; do this")
    }

    @Test func aRegistryThatIsAwayIsWhatKubeletLooksFor() {
        // kubelet compares the beginning of the text, and sees it as it is for UNKNOWN only.
        let error = CRIError(ImageError(.unavailable, doing: "pull a/b:c", "connection refused"))
        #expect(error.code == .unknown)
        #expect(error.message == "RegistryUnavailable: pull a/b:c: connection refused")
    }

    @Test func aFieldIsTheClientsFaultAndTheKernelIsNot() {
        #expect(CRIError(Failure(at: "/config/linux", "no")).code == .invalidArgument)
        #expect(CRIError(Failure("no")).code == .unknown)
        #expect(
            CRIError(Failure(.config("/config/linux"), SystemError("write x", Errno(EIO)))).code == .unknown)
    }

    @Test(arguments: [
        (ENOSPC, CRIError.Code.resourceExhausted), (EMFILE, .resourceExhausted),
        (ETIMEDOUT, .deadlineExceeded),
        (ENOENT, .unknown), (EEXIST, .unknown),
    ])
    func answersOfTheKernel(_ errno: Int32, _ code: CRIError.Code) {
        let error = CRIError(SystemError("open /x", Errno(errno)))
        #expect(error.code == code)
        #expect(error.message.contains(Errno(errno).name))
    }

    @Test func theRest() {
        struct Odd: Error {}
        #expect(CRIError(CancellationError()).code == .cancelled)
        #expect(CRIError(Odd()).code == .unknown)
        let error = CRIError.precondition("no")
        #expect(CRIError(error as any Error) == error)
    }
}
