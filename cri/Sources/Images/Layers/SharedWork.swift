import Synchronization

/// Work that several may ask for at the same time, and that is done once for all of them. It goes on as long as one of
/// them waits; who is cancelled goes at once.
final class SharedWork<Key: Hashable & Sendable>: Sendable {
    private enum Answer: Sendable {
        case done(Result<Void, ImageError>)
        /// It was given up before this one came: to be begun anew.
        case again
    }

    private struct Flight {
        var task: Task<Void, Never>?
        var isGivenUp = false
        var waiters: [UInt64: CheckedContinuation<Answer, Never>] = [:]
    }

    private struct State {
        var flights: [Key: Flight] = [:]
        /// Of those who were cancelled before they began to wait.
        var early: Set<UInt64> = []
        var count: UInt64 = 0
    }

    private let state = Mutex(State())

    func run(
        _ key: Key, _ work: @escaping @Sendable () async throws(ImageError) -> Void
    ) async throws(ImageError) {
        while true {
            let id = state.withLock { state in
                state.count += 1
                return state.count
            }
            let answer = await withTaskCancellationHandler {
                await withCheckedContinuation { wait(for: key, id, $0, work) }
            } onCancel: {
                leave(key, id)
            }
            state.withLock { state in _ = state.early.remove(id) }
            if case .done(let result) = answer { return try result.get() }
        }
    }

    private func wait(
        for key: Key, _ id: UInt64, _ continuation: CheckedContinuation<Answer, Never>,
        _ work: @escaping @Sendable () async throws(ImageError) -> Void
    ) {
        let isGone = state.withLock { state in
            if state.early.remove(id) != nil { return true }
            if state.flights[key] != nil {
                state.flights[key]?.waiters[id] = continuation
                return false
            }
            let task = Task {
                do throws(ImageError) {
                    try await work()
                    self.land(key, .success(()))
                } catch {
                    self.land(key, .failure(error))
                }
            }
            state.flights[key] = Flight(task: task, waiters: [id: continuation])
            return false
        }
        if isGone { continuation.resume(returning: .done(.failure(Self.cancelled))) }
    }

    private func land(_ key: Key, _ result: Result<Void, ImageError>) {
        guard let flight = state.withLock({ $0.flights.removeValue(forKey: key) }) else { return }
        for waiter in flight.waiters.values {
            waiter.resume(returning: flight.isGivenUp ? .again : .done(result))
        }
    }

    private func leave(_ key: Key, _ id: UInt64) {
        let (waiter, task) = state.withLock { state in
            guard let waiter = state.flights[key]?.waiters.removeValue(forKey: id) else {
                state.early.insert(id)
                return (CheckedContinuation<Answer, Never>?.none, Task<Void, Never>?.none)
            }
            guard state.flights[key]?.waiters.isEmpty == true else { return (waiter, nil) }
            state.flights[key]?.isGivenUp = true
            return (waiter, state.flights[key]?.task)
        }
        task?.cancel()
        waiter?.resume(returning: .done(.failure(Self.cancelled)))
    }

    private static var cancelled: ImageError {
        ImageError(.cancelled, doing: "wait for a layer", "nobody waits for it any more")
    }
}
