import Synchronization

/// Runs something when the daemon's work is done for now: a while after the last call that changed anything.
///
/// Kubelet asks for lists every second, and probes run commands in containers all the time: neither is such a call.
/// Nothing wakes up where nothing has changed.
package final class QuietTime: Sendable {
    /// The calls that change something: their code is rarely needed, and much of it.
    static let changes: Set<String> = [
        "RunPodSandbox", "StopPodSandbox", "RemovePodSandbox", "UpdatePodSandboxResources",
        "CreateContainer", "StartContainer", "StopContainer", "RemoveContainer", "UpdateContainerResources",
        "PullImage", "RemoveImage",
    ]

    private struct State: Sendable {
        var changed: ContinuousClock.Instant
        var isWaiting = false
    }

    private let patience: Duration
    private let work: @Sendable () -> Void
    private let state = Mutex(State(changed: .now))

    /// - Parameters:
    ///   - patience: for how long nothing must have changed.
    ///   - work: is called in a task of its own, once each time.
    package init(after patience: Duration, _ work: @escaping @Sendable () -> Void) {
        self.patience = patience
        self.work = work
    }

    func ended(_ method: String) {
        if Self.changes.contains(method) { changed() }
    }

    /// Says that something has changed now.
    package func changed() {
        let isFirst = state.withLock { state in
            state.changed = .now
            defer { state.isWaiting = true }
            return !state.isWaiting
        }
        guard isFirst else { return }
        Task {
            while let end = stillWaiting() { try? await Task.sleep(until: end, clock: .continuous) }
            work()
        }
    }

    /// Until when to wait; nil when the time has come, of which each wait is told once.
    private func stillWaiting() -> ContinuousClock.Instant? {
        state.withLock { state in
            let end = state.changed + patience
            guard end <= .now else { return end }
            state.isWaiting = false
            return nil
        }
    }
}
