import CRIProto
import Diagnosis
import Foundation

extension PodRuntime {
    package func startContainer(
        _ request: Runtime_V1_StartContainerRequest, _ context: CallContext
    ) async throws -> Runtime_V1_StartContainerResponse {
        let id = try await existingContainer(request.containerID).id
        try await toTheEnd { try await self.locks.withLock(id) { try await self.start(id) } }
        return .init()
    }

    private func start(_ id: String) async throws {
        let container = try await existingContainer(id)
        guard container.record.state == .created else {
            throw CRIError.precondition(
                "container \(id) is \(container.record.state.rawValue): only a created one can be started")
        }
        let pod = try await existingPod(container.record.podID)
        guard pod.isReady else { throw CRIError.precondition("pod sandbox \(pod.id) is not ready") }
        let handler = try handlers.named(pod.record.handler)
        // Before the fact: a process may have ended before its start has been told.
        let begun = Identity.now()
        try await inventory.updateContainer(id) { $0.startedAt = begun }
        let result = try await monitors.monitor(of: pod.id).run(handler.start(id))
        var isStarted = result.status == 0
        if !isStarted, container.record.startedAt != 0 { isStarted = try await runs(container, handler) }
        guard isStarted else {
            try await recordFailedStart(container, result.words)
            throw CRIError(.unknown, doing: "start container \(id)", result.words)
        }
        try await inventory.updateContainer(id) { record in
            if record.state == .created { record.state = .running }
        }
    }

    /// Whether the runtime says that it runs: of one that an earlier daemon has started without living to record it.
    func runs(_ container: Container, _ handler: RuntimeHandler) async throws -> Bool {
        let said = try await CommandResult.of(handler.state(container.id), limit: TimeLimits.answer)
        guard said.status == 0 else { return false }
        return try JSONDecoder().decode(RuntimeState.self, from: Data(said.output.utf8)).status == "running"
    }

    private struct RuntimeState: Decodable { var status: String }

    /// kubelet is to see a container that has ended, with the reason.
    private func recordFailedStart(_ container: Container, _ words: String) async throws {
        try? await monitors.monitor(of: container.record.podID).kill(container.id, signal: 9)
        _ = try await waitForEnd(of: container.id, patience: .seconds(10))
        let now = Identity.now()
        try await inventory.updateContainer(container.id) { record in
            record.state = .exited
            record.finishedAt = now
            record.exitCode = 128
            record.reason = "StartError"
            record.message = words
        }
        await exits.announce(container.id)
        try await release(container.id)
    }
}
