import CRIProto
import Kernel

extension PodRuntime {
    /// Idempotent, also for pods that are not there (any more).
    package func stopPodSandbox(
        _ request: Runtime_V1_StopPodSandboxRequest, _ context: CallContext
    ) async throws -> Runtime_V1_StopPodSandboxResponse {
        guard let pod = try await inventory.pod(beginning: request.podSandboxID),
            pod.record.state != .creating
        else {
            return .init()
        }
        try await toTheEnd { try await self.stop(pod) }
        return .init()
    }

    /// Kills its containers and undoes what RunPodSandbox made, but for the record and the files.
    func stop(_ pod: Pod) async throws {
        try await locks.withLock(pod.id) {
            guard let pod = await self.inventory.pod(pod.id) else { return }
            // From now on no container comes to be in it, and none is started.
            if pod.isReady { try await self.inventory.updatePod(pod.id) { $0.state = .notReady } }
            if !pod.record.isTornDown {
                try await self.killContainers(of: pod)
                try await self.tearDown(pod.id)
                try await self.inventory.updatePod(pod.id) { $0.isTornDown = true }
            }
        }
    }

    /// All at once: what they had to say to SIGTERM was asked of each by StopContainer.
    private func killContainers(of pod: Pod) async throws {
        let containers = await inventory.containers(of: pod.id)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for container in containers {
                group.addTask {
                    // Waits for one that is just being made or started.
                    try await self.locks.withLock(container.id) {
                        try await self.killAndWait(container.id)
                        try await self.release(container.id)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
