import CRIProto
import Diagnosis
import Glibc

extension PodRuntime {
    /// Idempotent, also for containers that are not there (any more). Several may ask at once: each sends the signal, and
    /// whoever's patience ends first kills.
    package func stopContainer(
        _ request: Runtime_V1_StopContainerRequest, _ context: CallContext
    ) async throws -> Runtime_V1_StopContainerResponse {
        guard request.timeout >= 0 else {
            throw CRIError.invalid("/timeout", "\(request.timeout) seconds: a time cannot be negative")
        }
        guard let container = try await inventory.container(beginning: request.containerID),
            container.record.state != .creating
        else { return .init() }
        try await stop(container.id, patience: .seconds(min(request.timeout, Self.longestPatience)))
        return .init()
    }

    /// A year: what is more is not meant, and would overflow the clock.
    private static let longestPatience: Int64 = 365 * 24 * 3600

    /// Sends the stop signal, and SIGKILL when patience has ended.
    private func stop(_ id: String, patience: Duration) async throws {
        guard let container = await inventory.container(id), container.isAlive else { return }
        // One that was never started has no program yet that could make sense of a signal.
        if container.record.state == .running, patience > .zero {
            try await signal(container, container.record.stopSignal)
            if try await waitForEnd(of: id, patience: patience) { return }
            log.info("container did not stop in time: killing it", metadata: ["container": "\(id)"])
        }
        try await killAndWait(id)
    }

    /// SIGKILL to the container's init and, where it shares its pid namespace, to all of it; waits until it is dead.
    func killAndWait(_ id: String) async throws {
        guard let container = await inventory.container(id), container.isAlive else { return }
        try await signal(container, SIGKILL)
        try await blocking { try InitCgroups.thaw(container.record.cgroups) }
        guard try await waitForEnd(of: id, patience: settings.killTimeout) else {
            throw CRIError(
                .deadlineExceeded, doing: "kill container \(id)",
                "its process is still there \(settings.killTimeout) after SIGKILL",
                remedy: "it may hang in the kernel: see /proc/\(container.record.pid ?? 0)/stack")
        }
    }

    private func signal(_ container: Container, _ signal: Int32) async throws {
        do {
            try await monitors.monitor(of: container.record.podID).kill(container.id, signal: signal)
        } catch MonitorError.refused(let failure) where failure.errno == ESRCH {
            // It has ended: the news is on its way.
        } catch {
            // Whoever has ended meanwhile needs no signal.
            if await inventory.container(container.id)?.isAlive == true { throw error }
        }
    }
}
