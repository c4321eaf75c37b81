import CRIProto
import Logging

/// What a call is about, for the log: ids and references, picked by hand.
enum CallSubject {
    static func of(_ request: any Sendable) -> Logger.Metadata {
        switch request {
        case let request as Runtime_V1_RunPodSandboxRequest:
            let name = request.config.metadata
            return ["name": "\(name.namespace)/\(name.name)", "handler": "\(request.runtimeHandler)"]
        case let request as Runtime_V1_CreateContainerRequest:
            return ["pod": "\(request.podSandboxID)", "name": "\(request.config.metadata.name)"]
        case let request as Runtime_V1_PullImageRequest: return image(request.image)
        case let request as Runtime_V1_ImageStatusRequest: return image(request.image)
        case let request as Runtime_V1_RemoveImageRequest: return image(request.image)
        case let request as any OfPod: return ["pod": "\(request.podSandboxID)"]
        case let request as any OfContainer: return ["container": "\(request.containerID)"]
        default: return [:]
        }
    }

    private static func image(_ spec: Runtime_V1_ImageSpec) -> Logger.Metadata { ["image": "\(spec.image)"] }
}

private protocol OfPod { var podSandboxID: String { get } }
private protocol OfContainer { var containerID: String { get } }

extension Runtime_V1_StopPodSandboxRequest: OfPod {}
extension Runtime_V1_RemovePodSandboxRequest: OfPod {}
extension Runtime_V1_PodSandboxStatusRequest: OfPod {}
extension Runtime_V1_PodSandboxStatsRequest: OfPod {}
extension Runtime_V1_PortForwardRequest: OfPod {}
extension Runtime_V1_UpdatePodSandboxResourcesRequest: OfPod {}

extension Runtime_V1_StartContainerRequest: OfContainer {}
extension Runtime_V1_StopContainerRequest: OfContainer {}
extension Runtime_V1_RemoveContainerRequest: OfContainer {}
extension Runtime_V1_ContainerStatusRequest: OfContainer {}
extension Runtime_V1_ContainerStatsRequest: OfContainer {}
extension Runtime_V1_UpdateContainerResourcesRequest: OfContainer {}
extension Runtime_V1_ReopenContainerLogRequest: OfContainer {}
extension Runtime_V1_ExecSyncRequest: OfContainer {}
extension Runtime_V1_ExecRequest: OfContainer {}
extension Runtime_V1_AttachRequest: OfContainer {}
extension Runtime_V1_CheckpointContainerRequest: OfContainer {}
