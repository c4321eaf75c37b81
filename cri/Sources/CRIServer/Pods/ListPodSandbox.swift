import CRIProto

extension PodRuntime {
    package func listPodSandbox(
        _ request: Runtime_V1_ListPodSandboxRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ListPodSandboxResponse {
        let pods = await pods(matching: request.filter)
        return .with { $0.items = pods.map(\.summary) }
    }

    /// The same in pieces: an answer never outgrows a message.
    package func streamPodSandboxes(
        _ request: Runtime_V1_StreamPodSandboxesRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamPodSandboxesResponse>
    ) async throws {
        for pod in await pods(matching: request.filter) {
            try await responses.send(.with { $0.podSandboxes = [pod.summary] })
        }
    }

    private func pods(matching filter: Runtime_V1_PodSandboxFilter) async -> [Pod] {
        await inventory.allPods
            .filter { $0.record.state != .creating && $0.matches(filter) }
            .sorted { ($0.record.createdAt, $0.id) < ($1.record.createdAt, $1.id) }
    }
}
