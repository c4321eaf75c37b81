import Synchronization

/// How many blobs are received at the same time from one registry, over all pulls; who comes first is served first.
///
/// Each registry has slots of its own: one that is slow holds up nobody who wants something from another.
final class FetchSlots: Sendable {
    private struct Lane {
        var taken = 0
        var waiters: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    }

    private struct State {
        var lanes: [String: Lane] = [:]
        var next = 0
        /// Cancelled before they began to wait.
        var gone: Set<Int> = []
    }

    private let count: Int
    private let state = Mutex(State())

    /// - Parameter count: of each registry; at least 1.
    init(_ count: Int) { self.count = max(count, 1) }

    /// Waits for a slot of a registry's.
    ///
    /// - Returns: whether there is one; not if the task was cancelled. Who has one gives it back with ``leave(_:)``.
    func enter(_ registry: String) async -> Bool {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        defer { _ = state.withLock { $0.gone.remove(id) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.gone.remove(id) != nil { return false }
                    guard state.lanes[registry, default: Lane()].taken < count else {
                        state.lanes[registry]?.waiters.append((id, continuation))
                        return nil
                    }
                    state.lanes[registry, default: Lane()].taken += 1
                    return true
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                guard let index = state.lanes[registry]?.waiters.firstIndex(where: { $0.id == id }) else {
                    state.gone.insert(id)
                    return CheckedContinuation<Bool, Never>?.none
                }
                return state.lanes[registry]?.waiters.remove(at: index).continuation
            }
            waiter?.resume(returning: false)
        }
    }

    /// Gives a slot back.
    func leave(_ registry: String) {
        let waiter = state.withLock { state in
            guard state.lanes[registry]?.waiters.isEmpty == true else {
                return state.lanes[registry]?.waiters.removeFirst().continuation
            }
            state.lanes[registry]?.taken -= 1
            // A registry that nothing is received from is forgotten.
            if state.lanes[registry]?.taken == 0 { state.lanes[registry] = nil }
            return nil
        }
        waiter?.resume(returning: true)
    }
}
