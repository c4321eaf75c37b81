import Synchronization

/// What pulls are about to use: layers that one has seen or made while it held a lease are not collected before the
/// lease has ended. They are known by chainID, and kept for all leases that had begun by then.
final class Leases: Sendable {
    private struct State {
        var now: UInt64 = 0
        /// When each lease in force began.
        var leases: [UInt64: UInt64] = [:]
        /// When each layer was last seen.
        var touched: [Digest: UInt64] = [:]
    }

    private let state = Mutex(State())

    func begin() -> UInt64 {
        state.withLock { state in
            state.now += 1
            state.leases[state.now] = state.now
            return state.now
        }
    }

    func end(_ lease: UInt64) {
        state.withLock { state in
            state.leases[lease] = nil
            if let oldest = state.leases.values.min() {
                state.touched = state.touched.filter { $0.value >= oldest }
            } else {
                state.touched = [:]
            }
        }
    }

    /// Says that a layer is about to be used. To be called before it is looked up.
    func touch(_ chainID: Digest) {
        state.withLock { state in
            guard !state.leases.isEmpty else { return }
            state.now += 1
            state.touched[chainID] = state.now
        }
    }

    /// The layers that are not to be collected.
    var held: Set<Digest> { state.withLock { Set($0.touched.keys) } }

    /// Does `body` unless there is a lease; none can begin meanwhile.
    func ifNone(_ body: () -> Void) {
        state.withLock { state in
            if state.leases.isEmpty { body() }
        }
    }
}
