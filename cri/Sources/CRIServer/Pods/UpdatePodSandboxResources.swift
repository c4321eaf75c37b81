import CRIProto
import CRISpec
import Diagnosis

extension PodRuntime {
    /// Notes what kubelet has given the pod. Its cgroup is kubelet's, which has set the limits before it tells.
    package func updatePodSandboxResources(
        _ request: Runtime_V1_UpdatePodSandboxResourcesRequest, _ context: CallContext
    ) async throws -> Runtime_V1_UpdatePodSandboxResourcesResponse {
        let id = try await existingPod(request.podSandboxID).id
        for (limits, field) in [(request.overhead, "overhead"), (request.resources, "resources")] {
            _ = try CompiledResources(
                limits, at: Pointer("/" + field), host: host, options: settings.specification)
        }
        try await inventory.configurePod(id) { config in
            if request.hasOverhead { config.linux.overhead = request.overhead }
            if request.hasResources { config.linux.resources = request.resources }
        }
        return .init()
    }
}
