import CRIProto

extension PodRuntime {
    package func containerStatus(
        _ request: Runtime_V1_ContainerStatusRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ContainerStatusResponse {
        let container = try await existingContainer(request.containerID)
        return try .with {
            $0.status = try container.status
            if request.verbose {
                $0.info["info"] = try ContainerInfo(
                    pod: container.record.podID, pid: container.record.pid,
                    state: container.record.state.rawValue,
                    bundle: layout.container(container.id), cgroups: container.record.cgroups
                ).json
            }
        }
    }
}

/// For people who look at a container with `crictl inspect`.
private struct ContainerInfo: Encodable {
    var pod: String
    var pid: Int32?
    var state: String
    var bundle: String
    var cgroups: [String: String]
}
