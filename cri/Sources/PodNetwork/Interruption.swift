import Glibc
import Kernel
import Synchronization

/// How a caller that has gone stops the plugin that runs for it.
final class Interruption: Sendable {
    private struct State: ~Copyable {
        var hasHappened = false
        /// The process group that is running.
        var group: Int32?
    }

    private let state = Mutex(State())

    var hasHappened: Bool { state.withLock { $0.hasHappened } }

    /// Kills what runs, and lets nothing run from here on.
    func happen() {
        state.withLock { state in
            state.hasHappened = true
            if let group = state.group { try? ProcessControl.signal(pid: -group, SIGKILL) }
        }
    }

    /// Says that a process group runs; if it is too late, kills it.
    func watch(_ group: Int32) {
        state.withLock { state in
            state.group = group
            if state.hasHappened { try? ProcessControl.signal(pid: -group, SIGKILL) }
        }
    }

    /// To be called before its leader is reaped: from then on the number may be somebody else's.
    func unwatch() { state.withLock { $0.group = nil } }
}
