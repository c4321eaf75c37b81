import CRIProto

/// The calls of `runtime.v1.RuntimeService`, as the daemon's own code sees them: messages, and nothing of gRPC.
///
/// Whatever a handler throws is mapped to a status by ``CRIError/init(_:)``. A call that must end early is a cancelled
/// task: its client has gone, or its deadline has passed (``CallContext/deadline``). Comments of the calls and their
/// fields are those of the interface (api.proto).
package protocol RuntimeService: Sendable {
    // What the runtime is and can do.

    func version(_ request: Runtime_V1_VersionRequest, _ context: CallContext) async throws
        -> Runtime_V1_VersionResponse
    func status(_ request: Runtime_V1_StatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_StatusResponse
    func runtimeConfig(_ request: Runtime_V1_RuntimeConfigRequest, _ context: CallContext) async throws
        -> Runtime_V1_RuntimeConfigResponse
    func updateRuntimeConfig(_ request: Runtime_V1_UpdateRuntimeConfigRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_UpdateRuntimeConfigResponse

    // Pods.

    func runPodSandbox(_ request: Runtime_V1_RunPodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_RunPodSandboxResponse
    func stopPodSandbox(_ request: Runtime_V1_StopPodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_StopPodSandboxResponse
    func removePodSandbox(_ request: Runtime_V1_RemovePodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_RemovePodSandboxResponse
    func podSandboxStatus(_ request: Runtime_V1_PodSandboxStatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_PodSandboxStatusResponse
    func listPodSandbox(_ request: Runtime_V1_ListPodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_ListPodSandboxResponse
    func streamPodSandboxes(
        _ request: Runtime_V1_StreamPodSandboxesRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamPodSandboxesResponse>
    ) async throws
    func updatePodSandboxResources(
        _ request: Runtime_V1_UpdatePodSandboxResourcesRequest, _ context: CallContext
    ) async throws
        -> Runtime_V1_UpdatePodSandboxResourcesResponse

    // Containers.

    func createContainer(_ request: Runtime_V1_CreateContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_CreateContainerResponse
    func startContainer(_ request: Runtime_V1_StartContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_StartContainerResponse
    func stopContainer(_ request: Runtime_V1_StopContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_StopContainerResponse
    func removeContainer(_ request: Runtime_V1_RemoveContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_RemoveContainerResponse
    func listContainers(_ request: Runtime_V1_ListContainersRequest, _ context: CallContext) async throws
        -> Runtime_V1_ListContainersResponse
    func streamContainers(
        _ request: Runtime_V1_StreamContainersRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamContainersResponse>
    ) async throws
    func containerStatus(_ request: Runtime_V1_ContainerStatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_ContainerStatusResponse
    func updateContainerResources(
        _ request: Runtime_V1_UpdateContainerResourcesRequest, _ context: CallContext
    ) async throws
        -> Runtime_V1_UpdateContainerResourcesResponse
    func reopenContainerLog(_ request: Runtime_V1_ReopenContainerLogRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ReopenContainerLogResponse

    // Processes in containers, and connections to them.

    func execSync(_ request: Runtime_V1_ExecSyncRequest, _ context: CallContext) async throws
        -> Runtime_V1_ExecSyncResponse
    func exec(_ request: Runtime_V1_ExecRequest, _ context: CallContext) async throws
        -> Runtime_V1_ExecResponse
    func attach(_ request: Runtime_V1_AttachRequest, _ context: CallContext) async throws
        -> Runtime_V1_AttachResponse
    func portForward(_ request: Runtime_V1_PortForwardRequest, _ context: CallContext) async throws
        -> Runtime_V1_PortForwardResponse

    // Figures and events.

    func containerStats(_ request: Runtime_V1_ContainerStatsRequest, _ context: CallContext) async throws
        -> Runtime_V1_ContainerStatsResponse
    func listContainerStats(_ request: Runtime_V1_ListContainerStatsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListContainerStatsResponse
    func streamContainerStats(
        _ request: Runtime_V1_StreamContainerStatsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamContainerStatsResponse>
    ) async throws
    func podSandboxStats(_ request: Runtime_V1_PodSandboxStatsRequest, _ context: CallContext) async throws
        -> Runtime_V1_PodSandboxStatsResponse
    func listPodSandboxStats(_ request: Runtime_V1_ListPodSandboxStatsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListPodSandboxStatsResponse
    func streamPodSandboxStats(
        _ request: Runtime_V1_StreamPodSandboxStatsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamPodSandboxStatsResponse>
    ) async throws
    func listMetricDescriptors(_ request: Runtime_V1_ListMetricDescriptorsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListMetricDescriptorsResponse
    func listPodSandboxMetrics(_ request: Runtime_V1_ListPodSandboxMetricsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListPodSandboxMetricsResponse
    func streamPodSandboxMetrics(
        _ request: Runtime_V1_StreamPodSandboxMetricsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamPodSandboxMetricsResponse>
    ) async throws
    func getContainerEvents(
        _ request: Runtime_V1_GetEventsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_ContainerEventResponse>
    ) async throws

    // Checkpoints.

    func checkpointContainer(_ request: Runtime_V1_CheckpointContainerRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_CheckpointContainerResponse
    func checkpointPod(_ request: Runtime_V1_CheckpointPodRequest, _ context: CallContext) async throws
        -> Runtime_V1_CheckpointPodResponse
    func restorePod(_ request: Runtime_V1_RestorePodRequest, _ context: CallContext) async throws
        -> Runtime_V1_RestorePodResponse
}
