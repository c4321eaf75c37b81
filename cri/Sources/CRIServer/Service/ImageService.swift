import CRIProto

/// The calls of `runtime.v1.ImageService`; all else is as with ``RuntimeService``.
package protocol ImageService: Sendable {
    func listImages(_ request: Runtime_V1_ListImagesRequest, _ context: CallContext) async throws
        -> Runtime_V1_ListImagesResponse
    func streamImages(
        _ request: Runtime_V1_StreamImagesRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamImagesResponse>
    ) async throws
    func imageStatus(_ request: Runtime_V1_ImageStatusRequest, _ context: CallContext) async throws
        -> Runtime_V1_ImageStatusResponse
    func pullImage(_ request: Runtime_V1_PullImageRequest, _ context: CallContext) async throws
        -> Runtime_V1_PullImageResponse
    func removeImage(_ request: Runtime_V1_RemoveImageRequest, _ context: CallContext) async throws
        -> Runtime_V1_RemoveImageResponse
    func imageFsInfo(_ request: Runtime_V1_ImageFsInfoRequest, _ context: CallContext) async throws
        -> Runtime_V1_ImageFsInfoResponse
}
