import CRIProto

extension PodRuntime {
    /// Idempotent, also for containers that are not there (any more). A running one is killed.
    package func removeContainer(
        _ request: Runtime_V1_RemoveContainerRequest, _ context: CallContext
    ) async throws -> Runtime_V1_RemoveContainerResponse {
        guard let container = try await inventory.container(beginning: request.containerID),
            container.record.state != .creating
        else { return .init() }
        let id = container.id
        try await toTheEnd { try await self.locks.withLock(id) { try await self.remove(id) } }
        return .init()
    }

    /// To be called under the container's lock.
    func remove(_ id: String) async throws {
        try await killAndWait(id)
        if let container = await inventory.container(id), container.record.pid == nil {
            // Whoever made it has given up: it may come to be all the same.
            try await monitors.dismiss(id, of: container.record.podID)
        }
        try await release(id)
        guard let container = try await inventory.updateContainer(id, { $0.state = .removing }) else {
            return
        }
        try await discard(container)
    }

    /// Takes away what a released container leaves: what it wrote, its exit record, its record.
    func discard(_ container: Container) async throws {
        for snapshot in [container.id] + container.record.imageVolumes {
            try await images.removeSnapshot(snapshot)
        }
        await monitors.forget(container.id, of: container.record.podID)
        try await inventory.removeContainer(container.id)
    }
}
