import Dispatch

extension PodRuntime {
    /// For system calls that wait: the threads that run tasks are few.
    private static let queue = DispatchQueue(label: "pods", attributes: .concurrent)

    func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Self.queue.async { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }
}
