import CRIProto

extension PodRuntime {
    package func listContainers(
        _ request: Runtime_V1_ListContainersRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ListContainersResponse {
        let containers = await containers(matching: request.filter)
        return .with { $0.containers = containers.map(\.summary) }
    }

    /// The same in pieces: an answer never outgrows a message.
    package func streamContainers(
        _ request: Runtime_V1_StreamContainersRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamContainersResponse>
    ) async throws {
        for container in await containers(matching: request.filter) {
            try await responses.send(.with { $0.containers = [container.summary] })
        }
    }

    private func containers(matching filter: Runtime_V1_ContainerFilter) async -> [Container] {
        await inventory.allContainers
            .filter { $0.record.state != .creating && $0.matches(filter) }
            .sorted { ($0.record.createdAt, $0.id) < ($1.record.createdAt, $1.id) }
    }
}
