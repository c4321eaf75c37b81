import Synchronization

/// Lets operations on one pod come one after the other: plugins must not run twice at a time for a container (CNI spec,
/// section 3, "Lifecycle & Ordering").
final class PodTurns: Sendable {
    private typealias Waiter = CheckedContinuation<Void, Never>

    /// Those who wait, by the pod that somebody is busy with.
    private let queues = Mutex<[String: [Waiter]]>([:])

    /// Does `body` when nobody else is busy with the pod.
    func take<Value: Sendable, Problem: Error>(
        _ pod: String, _ body: () async throws(Problem) -> Value
    ) async throws(Problem) -> Value {
        await begin(pod)
        defer { end(pod) }
        return try await body()
    }

    private func begin(_ pod: String) async {
        await withCheckedContinuation { (waiter: Waiter) in
            let isFirst = queues.withLock { queues in
                guard queues[pod] != nil else {
                    queues[pod] = []
                    return true
                }
                queues[pod]?.append(waiter)
                return false
            }
            if isFirst { waiter.resume() }
        }
    }

    private func end(_ pod: String) {
        let next = queues.withLock { queues -> Waiter? in
            guard var waiting = queues[pod], !waiting.isEmpty else {
                queues[pod] = nil
                return nil
            }
            let first = waiting.removeFirst()
            queues[pod] = waiting
            return first
        }
        next?.resume()
    }
}
