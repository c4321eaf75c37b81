import CRIProto
import CRIServer

/// A runtime whose calls are not there, but for those a test gives.
struct ScriptedRuntime: RuntimeService {
    var information = RuntimeInformation(
        cgroupDriver: .cgroupfs, handlers: { [] }, networkReady: { .met })
    var onExecSync:
        @Sendable (Runtime_V1_ExecSyncRequest, CallContext) async throws -> Runtime_V1_ExecSyncResponse = {
            _, _ in Runtime_V1_ExecSyncResponse()
        }
    var onContainerStatus: @Sendable (Runtime_V1_ContainerStatusRequest) async throws -> Void = { _ in }
    var events: [Runtime_V1_ContainerEventResponse] = []
    /// Whether nothing comes after them for a long time; else an error.
    var eventsGoOn = false

    func version(_ request: Runtime_V1_VersionRequest, _ context: CallContext) async throws
        -> Runtime_V1_VersionResponse
    {
        information.version(request)
    }

    func status(_ request: Runtime_V1_StatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_StatusResponse
    {
        await information.status(request)
    }

    func runtimeConfig(_ request: Runtime_V1_RuntimeConfigRequest, _ context: CallContext) async throws
        -> Runtime_V1_RuntimeConfigResponse
    {
        information.runtimeConfig(request)
    }

    func updateRuntimeConfig(_ request: Runtime_V1_UpdateRuntimeConfigRequest, _ context: CallContext)
        async throws -> Runtime_V1_UpdateRuntimeConfigResponse
    {
        try information.updateRuntimeConfig(request)
    }

    func execSync(_ request: Runtime_V1_ExecSyncRequest, _ context: CallContext) async throws
        -> Runtime_V1_ExecSyncResponse
    {
        try await onExecSync(request, context)
    }

    func containerStatus(_ request: Runtime_V1_ContainerStatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_ContainerStatusResponse
    {
        try await onContainerStatus(request)
        return Runtime_V1_ContainerStatusResponse()
    }

    func getContainerEvents(
        _ request: Runtime_V1_GetEventsRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_ContainerEventResponse>
    ) async throws {
        for event in events { try await responses.send(event) }
        if eventsGoOn { try await Task.sleep(for: .seconds(60)) }
        throw CRIError(.aborted, "no more events")
    }

    func runPodSandbox(_ request: Runtime_V1_RunPodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_RunPodSandboxResponse
    {
        throw CRIError.unimplemented("RunPodSandbox")
    }

    func stopPodSandbox(_ request: Runtime_V1_StopPodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_StopPodSandboxResponse
    {
        throw CRIError.unimplemented("StopPodSandbox")
    }

    func removePodSandbox(_ request: Runtime_V1_RemovePodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_RemovePodSandboxResponse
    {
        throw CRIError.unimplemented("RemovePodSandbox")
    }

    func podSandboxStatus(_ request: Runtime_V1_PodSandboxStatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_PodSandboxStatusResponse
    {
        throw CRIError.unimplemented("PodSandboxStatus")
    }

    func listPodSandbox(_ request: Runtime_V1_ListPodSandboxRequest, _ context: CallContext) async throws
        -> Runtime_V1_ListPodSandboxResponse
    {
        throw CRIError.unimplemented("ListPodSandbox")
    }

    func createContainer(_ request: Runtime_V1_CreateContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_CreateContainerResponse
    {
        throw CRIError.unimplemented("CreateContainer")
    }

    func startContainer(_ request: Runtime_V1_StartContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_StartContainerResponse
    {
        throw CRIError.unimplemented("StartContainer")
    }

    func stopContainer(_ request: Runtime_V1_StopContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_StopContainerResponse
    {
        throw CRIError.unimplemented("StopContainer")
    }

    func removeContainer(_ request: Runtime_V1_RemoveContainerRequest, _ context: CallContext) async throws
        -> Runtime_V1_RemoveContainerResponse
    {
        throw CRIError.unimplemented("RemoveContainer")
    }

    func listContainers(_ request: Runtime_V1_ListContainersRequest, _ context: CallContext) async throws
        -> Runtime_V1_ListContainersResponse
    {
        throw CRIError.unimplemented("ListContainers")
    }

    func updateContainerResources(
        _ request: Runtime_V1_UpdateContainerResourcesRequest, _ context: CallContext
    ) async throws -> Runtime_V1_UpdateContainerResourcesResponse {
        throw CRIError.unimplemented("UpdateContainerResources")
    }

    func reopenContainerLog(_ request: Runtime_V1_ReopenContainerLogRequest, _ context: CallContext)
        async throws -> Runtime_V1_ReopenContainerLogResponse
    {
        throw CRIError.unimplemented("ReopenContainerLog")
    }

    func streamPodSandboxes(
        _ request: Runtime_V1_StreamPodSandboxesRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamPodSandboxesResponse>
    ) async throws {
        throw CRIError.unimplemented("StreamPodSandboxes")
    }

    func streamContainers(
        _ request: Runtime_V1_StreamContainersRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamContainersResponse>
    ) async throws {
        throw CRIError.unimplemented("StreamContainers")
    }

    func updatePodSandboxResources(
        _ request: Runtime_V1_UpdatePodSandboxResourcesRequest, _ context: CallContext
    ) async throws -> Runtime_V1_UpdatePodSandboxResourcesResponse {
        throw CRIError.unimplemented("UpdatePodSandboxResources")
    }
}

/// Images whose pull fails as a test wants it.
struct ScriptedImages: ImageService {
    var onPull: @Sendable (Runtime_V1_PullImageRequest) async throws -> Runtime_V1_PullImageResponse = { _ in
        Runtime_V1_PullImageResponse()
    }

    func pullImage(_ request: Runtime_V1_PullImageRequest, _ context: CallContext) async throws
        -> Runtime_V1_PullImageResponse
    {
        try await onPull(request)
    }

    func listImages(_ request: Runtime_V1_ListImagesRequest, _ context: CallContext) async throws
        -> Runtime_V1_ListImagesResponse
    {
        throw CRIError.unimplemented("ListImages")
    }

    func imageStatus(_ request: Runtime_V1_ImageStatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_ImageStatusResponse
    {
        throw CRIError.unimplemented("ImageStatus")
    }

    func removeImage(_ request: Runtime_V1_RemoveImageRequest, _ context: CallContext) async throws
        -> Runtime_V1_RemoveImageResponse
    {
        throw CRIError.unimplemented("RemoveImage")
    }

    func imageFsInfo(_ request: Runtime_V1_ImageFsInfoRequest, _ context: CallContext) async throws
        -> Runtime_V1_ImageFsInfoResponse
    {
        throw CRIError.unimplemented("ImageFsInfo")
    }

    func streamImages(
        _ request: Runtime_V1_StreamImagesRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamImagesResponse>
    ) async throws {
        throw CRIError.unimplemented("StreamImages")
    }
}
