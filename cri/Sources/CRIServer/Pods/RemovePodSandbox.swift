import CRIProto

extension PodRuntime {
    /// Idempotent, also for pods that are not there (any more). Its containers are removed with it, running or not.
    package func removePodSandbox(
        _ request: Runtime_V1_RemovePodSandboxRequest, _ context: CallContext
    ) async throws -> Runtime_V1_RemovePodSandboxResponse {
        guard let pod = try await inventory.pod(beginning: request.podSandboxID),
            pod.record.state != .creating
        else {
            return .init()
        }
        try await toTheEnd {
            try await self.stop(pod)
            try await self.remove(pod)
        }
        return .init()
    }

    /// Takes away a pod that has been stopped.
    func remove(_ pod: Pod) async throws {
        try await locks.withLock(pod.id) {
            guard try await self.inventory.updatePod(pod.id, { $0.state = .removing }) != nil else { return }
            for container in await self.inventory.containers(of: pod.id) {
                try await self.locks.withLock(container.id) { try await self.remove(container.id) }
            }
            try await self.blocking { try self.removeFiles(of: pod) }
            try await self.inventory.removePod(pod.id)
        }
    }
}
