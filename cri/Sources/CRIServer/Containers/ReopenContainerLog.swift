import CRIProto

extension PodRuntime {
    package func reopenContainerLog(
        _ request: Runtime_V1_ReopenContainerLogRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ReopenContainerLogResponse {
        let container = try await existingContainer(request.containerID)
        guard container.record.state == .running else {
            throw CRIError.precondition(
                "container \(container.id) is \(container.record.state.rawValue): only a running one writes a log"
            )
        }
        try await monitors.monitor(of: container.record.podID).reopenLog(container.id)
        return .init()
    }
}
