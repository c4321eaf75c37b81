import Synchronization

/// Whether the daemon is being stopped, and until when calls that run may go on.
final class Shutdown: Sendable {
    private let end = Mutex<ContinuousClock.Instant?>(nil)

    /// Nil as long as nobody asked for an end.
    var callsEnd: ContinuousClock.Instant? { end.withLock { $0 } }

    /// - Returns: whether it is the first time.
    func begin(grace: Duration) -> Bool {
        end.withLock {
            guard $0 == nil else { return false }
            $0 = ContinuousClock.now + grace
            return true
        }
    }
}
