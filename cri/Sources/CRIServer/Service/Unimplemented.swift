import CRIProto

// Every call that has no implementation yet is here, and nowhere else: the protocols have no other defaults, so that one
// which is forgotten does not compile. Whoever implements a call takes its default away.

extension RuntimeService {
    package func exec(_ request: Runtime_V1_ExecRequest, _ context: CallContext) async throws
        -> Runtime_V1_ExecResponse
    {
        throw CRIError.unimplemented("Exec")
    }

    package func attach(_ request: Runtime_V1_AttachRequest, _ context: CallContext) async throws
        -> Runtime_V1_AttachResponse
    {
        throw CRIError.unimplemented("Attach")
    }

    package func portForward(_ request: Runtime_V1_PortForwardRequest, _ context: CallContext) async throws
        -> Runtime_V1_PortForwardResponse
    {
        throw CRIError.unimplemented("PortForward")
    }

    package func containerStats(_ request: Runtime_V1_ContainerStatsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ContainerStatsResponse
    {
        throw CRIError.unimplemented("ContainerStats")
    }

    package func listContainerStats(_ request: Runtime_V1_ListContainerStatsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListContainerStatsResponse
    {
        throw CRIError.unimplemented("ListContainerStats")
    }

    package func streamContainerStats(
        _ request: Runtime_V1_StreamContainerStatsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamContainerStatsResponse>
    ) async throws {
        throw CRIError.unimplemented("StreamContainerStats")
    }

    package func podSandboxStats(_ request: Runtime_V1_PodSandboxStatsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_PodSandboxStatsResponse
    {
        throw CRIError.unimplemented("PodSandboxStats")
    }

    package func listPodSandboxStats(_ request: Runtime_V1_ListPodSandboxStatsRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListPodSandboxStatsResponse
    {
        throw CRIError.unimplemented("ListPodSandboxStats")
    }

    package func streamPodSandboxStats(
        _ request: Runtime_V1_StreamPodSandboxStatsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamPodSandboxStatsResponse>
    ) async throws {
        throw CRIError.unimplemented("StreamPodSandboxStats")
    }

    package func checkpointContainer(_ request: Runtime_V1_CheckpointContainerRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_CheckpointContainerResponse
    {
        throw CRIError.unimplemented("CheckpointContainer")
    }

    package func checkpointPod(_ request: Runtime_V1_CheckpointPodRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_CheckpointPodResponse
    {
        throw CRIError.unimplemented("CheckpointPod")
    }

    package func restorePod(_ request: Runtime_V1_RestorePodRequest, _ context: CallContext) async throws
        -> Runtime_V1_RestorePodResponse
    {
        throw CRIError.unimplemented("RestorePod")
    }

    package func getContainerEvents(
        _ request: Runtime_V1_GetEventsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_ContainerEventResponse>
    ) async throws {
        throw CRIError.unimplemented("GetContainerEvents")
    }

    package func listMetricDescriptors(
        _ request: Runtime_V1_ListMetricDescriptorsRequest, _ context: CallContext
    ) async throws
        -> Runtime_V1_ListMetricDescriptorsResponse
    {
        throw CRIError.unimplemented("ListMetricDescriptors")
    }

    package func listPodSandboxMetrics(
        _ request: Runtime_V1_ListPodSandboxMetricsRequest, _ context: CallContext
    ) async throws
        -> Runtime_V1_ListPodSandboxMetricsResponse
    {
        throw CRIError.unimplemented("ListPodSandboxMetrics")
    }

    package func streamPodSandboxMetrics(
        _ request: Runtime_V1_StreamPodSandboxMetricsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamPodSandboxMetricsResponse>
    ) async throws {
        throw CRIError.unimplemented("StreamPodSandboxMetrics")
    }

}

extension ImageService {
}

// Pods, containers and images: the next ones to be taken away.

extension RuntimeService {
    package func runPodSandbox(_ request: Runtime_V1_RunPodSandboxRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_RunPodSandboxResponse
    {
        throw CRIError.unimplemented("RunPodSandbox")
    }

    package func stopPodSandbox(_ request: Runtime_V1_StopPodSandboxRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_StopPodSandboxResponse
    {
        throw CRIError.unimplemented("StopPodSandbox")
    }

    package func removePodSandbox(_ request: Runtime_V1_RemovePodSandboxRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_RemovePodSandboxResponse
    {
        throw CRIError.unimplemented("RemovePodSandbox")
    }

    package func podSandboxStatus(_ request: Runtime_V1_PodSandboxStatusRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_PodSandboxStatusResponse
    {
        throw CRIError.unimplemented("PodSandboxStatus")
    }

    package func listPodSandbox(_ request: Runtime_V1_ListPodSandboxRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListPodSandboxResponse
    {
        throw CRIError.unimplemented("ListPodSandbox")
    }

    package func createContainer(_ request: Runtime_V1_CreateContainerRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_CreateContainerResponse
    {
        throw CRIError.unimplemented("CreateContainer")
    }

    package func startContainer(_ request: Runtime_V1_StartContainerRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_StartContainerResponse
    {
        throw CRIError.unimplemented("StartContainer")
    }

    package func stopContainer(_ request: Runtime_V1_StopContainerRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_StopContainerResponse
    {
        throw CRIError.unimplemented("StopContainer")
    }

    package func removeContainer(_ request: Runtime_V1_RemoveContainerRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_RemoveContainerResponse
    {
        throw CRIError.unimplemented("RemoveContainer")
    }

    package func listContainers(_ request: Runtime_V1_ListContainersRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ListContainersResponse
    {
        throw CRIError.unimplemented("ListContainers")
    }

    package func containerStatus(_ request: Runtime_V1_ContainerStatusRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ContainerStatusResponse
    {
        throw CRIError.unimplemented("ContainerStatus")
    }

    package func updateContainerResources(
        _ request: Runtime_V1_UpdateContainerResourcesRequest, _ context: CallContext
    ) async throws
        -> Runtime_V1_UpdateContainerResourcesResponse
    {
        throw CRIError.unimplemented("UpdateContainerResources")
    }

    package func reopenContainerLog(_ request: Runtime_V1_ReopenContainerLogRequest, _ context: CallContext)
        async throws
        -> Runtime_V1_ReopenContainerLogResponse
    {
        throw CRIError.unimplemented("ReopenContainerLog")
    }

    package func execSync(_ request: Runtime_V1_ExecSyncRequest, _ context: CallContext) async throws
        -> Runtime_V1_ExecSyncResponse
    {
        throw CRIError.unimplemented("ExecSync")
    }
}

extension ImageService {
    package func listImages(_ request: Runtime_V1_ListImagesRequest, _ context: CallContext) async throws
        -> Runtime_V1_ListImagesResponse
    {
        throw CRIError.unimplemented("ListImages")
    }

    package func imageStatus(_ request: Runtime_V1_ImageStatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_ImageStatusResponse
    {
        throw CRIError.unimplemented("ImageStatus")
    }

    package func pullImage(_ request: Runtime_V1_PullImageRequest, _ context: CallContext) async throws
        -> Runtime_V1_PullImageResponse
    {
        throw CRIError.unimplemented("PullImage")
    }

    package func removeImage(_ request: Runtime_V1_RemoveImageRequest, _ context: CallContext) async throws
        -> Runtime_V1_RemoveImageResponse
    {
        throw CRIError.unimplemented("RemoveImage")
    }

    package func imageFsInfo(_ request: Runtime_V1_ImageFsInfoRequest, _ context: CallContext) async throws
        -> Runtime_V1_ImageFsInfoResponse
    {
        throw CRIError.unimplemented("ImageFsInfo")
    }
}
