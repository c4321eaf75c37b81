import CRIProto

extension PodRuntime {
    package func podSandboxStatus(
        _ request: Runtime_V1_PodSandboxStatusRequest, _ context: CallContext
    ) async throws -> Runtime_V1_PodSandboxStatusResponse {
        let pod = try await existingPod(request.podSandboxID)
        let containers = await inventory.containers(of: pod.id).filter { $0.record.state != .creating }
        return try .with {
            $0.status = pod.status
            $0.containersStatuses = try containers.map { try $0.status }
            $0.timestamp = Identity.now()
            if request.verbose { $0.info["info"] = try verboseInfo(of: pod) }
        }
    }

    /// For people who look at a pod with `crictl inspectp`.
    private func verboseInfo(of pod: Pod) throws -> String {
        var info = PodInfo(
            handler: pod.record.handler, state: pod.record.state.rawValue, pausePID: pod.record.pausePID,
            addresses: pod.record.ips, directory: layout.pod(pod.id))
        if pod.namespaces.network == .pod { info.networkNamespace = layout.namespace("net", of: pod.id) }
        return try info.json
    }
}

private struct PodInfo: Encodable {
    var handler: String
    var state: String
    var pausePID: Int32?
    var addresses: [String]
    var directory: String
    var networkNamespace: String?
}
