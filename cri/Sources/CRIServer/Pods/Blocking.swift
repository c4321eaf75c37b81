import Dispatch

extension PodRuntime {
    /// For system calls that wait: the threads that run tasks are few. A serial queue of its own is given a thread at
    /// once, however many others wait.
    func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "apus-cri.pods").async {
                continuation.resume(with: Swift.Result(catching: body))
            }
        }
    }
}
