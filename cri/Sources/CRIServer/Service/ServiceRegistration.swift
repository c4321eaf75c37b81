import CRIProto
import GRPCCore

/// Registers the calls of both services with grpc-swift's router.
struct ServiceRegistration: RegistrableRPCService {
    var runtime: any RuntimeService
    var images: any ImageService
    var adapter: CallAdapter

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        var calls = CallRegistrar(router: router, adapter: adapter)
        Self.register(runtime, with: &calls)
        Self.register(images, with: &calls)
        router = calls.router
    }

    private static func register(
        _ service: any RuntimeService, with calls: inout CallRegistrar<some ServerTransport>
    ) {
        typealias Method = Runtime_V1_RuntimeService.Method
        calls.unary(Method.Version.descriptor) { try await service.version($0, $1) }
        calls.unary(Method.Status.descriptor) { try await service.status($0, $1) }
        calls.unary(Method.RuntimeConfig.descriptor) { try await service.runtimeConfig($0, $1) }
        calls.unary(Method.UpdateRuntimeConfig.descriptor) { try await service.updateRuntimeConfig($0, $1) }
        calls.unary(Method.RunPodSandbox.descriptor) { try await service.runPodSandbox($0, $1) }
        calls.unary(Method.StopPodSandbox.descriptor) { try await service.stopPodSandbox($0, $1) }
        calls.unary(Method.RemovePodSandbox.descriptor) { try await service.removePodSandbox($0, $1) }
        calls.unary(Method.PodSandboxStatus.descriptor) { try await service.podSandboxStatus($0, $1) }
        calls.unary(Method.ListPodSandbox.descriptor) { try await service.listPodSandbox($0, $1) }
        calls.stream(Method.StreamPodSandboxes.descriptor) {
            try await service.streamPodSandboxes($0, $1, $2)
        }
        calls.unary(Method.UpdatePodSandboxResources.descriptor) {
            try await service.updatePodSandboxResources($0, $1)
        }
        calls.unary(Method.CreateContainer.descriptor) { try await service.createContainer($0, $1) }
        calls.unary(Method.StartContainer.descriptor) { try await service.startContainer($0, $1) }
        calls.unary(Method.StopContainer.descriptor) { try await service.stopContainer($0, $1) }
        calls.unary(Method.RemoveContainer.descriptor) { try await service.removeContainer($0, $1) }
        calls.unary(Method.ListContainers.descriptor) { try await service.listContainers($0, $1) }
        calls.stream(Method.StreamContainers.descriptor) { try await service.streamContainers($0, $1, $2) }
        calls.unary(Method.ContainerStatus.descriptor) { try await service.containerStatus($0, $1) }
        calls.unary(Method.UpdateContainerResources.descriptor) {
            try await service.updateContainerResources($0, $1)
        }
        calls.unary(Method.ReopenContainerLog.descriptor) { try await service.reopenContainerLog($0, $1) }
        calls.unary(Method.ExecSync.descriptor) { try await service.execSync($0, $1) }
        calls.unary(Method.Exec.descriptor) { try await service.exec($0, $1) }
        calls.unary(Method.Attach.descriptor) { try await service.attach($0, $1) }
        calls.unary(Method.PortForward.descriptor) { try await service.portForward($0, $1) }
        calls.unary(Method.ContainerStats.descriptor) { try await service.containerStats($0, $1) }
        calls.unary(Method.ListContainerStats.descriptor) { try await service.listContainerStats($0, $1) }
        calls.stream(Method.StreamContainerStats.descriptor) {
            try await service.streamContainerStats($0, $1, $2)
        }
        calls.unary(Method.PodSandboxStats.descriptor) { try await service.podSandboxStats($0, $1) }
        calls.unary(Method.ListPodSandboxStats.descriptor) { try await service.listPodSandboxStats($0, $1) }
        calls.stream(Method.StreamPodSandboxStats.descriptor) {
            try await service.streamPodSandboxStats($0, $1, $2)
        }
        calls.unary(Method.ListMetricDescriptors.descriptor) {
            try await service.listMetricDescriptors($0, $1)
        }
        calls.unary(Method.ListPodSandboxMetrics.descriptor) {
            try await service.listPodSandboxMetrics($0, $1)
        }
        calls.stream(Method.StreamPodSandboxMetrics.descriptor) {
            try await service.streamPodSandboxMetrics($0, $1, $2)
        }
        calls.stream(Method.GetContainerEvents.descriptor) {
            try await service.getContainerEvents($0, $1, $2)
        }
        calls.unary(Method.CheckpointContainer.descriptor) { try await service.checkpointContainer($0, $1) }
        calls.unary(Method.CheckpointPod.descriptor) { try await service.checkpointPod($0, $1) }
        calls.unary(Method.RestorePod.descriptor) { try await service.restorePod($0, $1) }
    }

    private static func register(
        _ service: any ImageService, with calls: inout CallRegistrar<some ServerTransport>
    ) {
        typealias Method = Runtime_V1_ImageService.Method
        calls.unary(Method.ListImages.descriptor) { try await service.listImages($0, $1) }
        calls.stream(Method.StreamImages.descriptor) { try await service.streamImages($0, $1, $2) }
        calls.unary(Method.ImageStatus.descriptor) { try await service.imageStatus($0, $1) }
        calls.unary(Method.PullImage.descriptor) { try await service.pullImage($0, $1) }
        calls.unary(Method.RemoveImage.descriptor) { try await service.removeImage($0, $1) }
        calls.unary(Method.ImageFsInfo.descriptor) { try await service.imageFsInfo($0, $1) }
    }
}
