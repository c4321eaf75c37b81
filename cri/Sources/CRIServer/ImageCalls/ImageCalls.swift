import CRIProto
import Diagnosis
import Images
import Logging

/// The calls of `runtime.v1.ImageService`.
package final class ImageCalls: ImageService {
    let images: ImageStore
    let layout: Layout
    let log: Logger

    init(images: ImageStore, layout: Layout, log: Logger) {
        self.images = images
        self.layout = layout
        self.log = log
    }

    package func listImages(
        _ request: Runtime_V1_ListImagesRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ListImagesResponse {
        let images = try await matching(request.filter)
        return .with { $0.images = images.map(\.message) }
    }

    /// The same in pieces: an answer never outgrows a message.
    package func streamImages(
        _ request: Runtime_V1_StreamImagesRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamImagesResponse>
    ) async throws {
        for image in try await matching(request.filter) {
            try await responses.send(.with { $0.images = [image.message] })
        }
    }

    private func matching(_ filter: Runtime_V1_ImageFilter) async throws -> [StoredImage] {
        guard !filter.image.image.isEmpty else { return try await images.images() }
        return try await images.image(filter.image.image).map { [$0] } ?? []
    }

    /// No image and no error for one that is not there.
    package func imageStatus(
        _ request: Runtime_V1_ImageStatusRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ImageStatusResponse {
        guard !request.image.image.isEmpty else { throw CRIError.invalid("/image/image", "is empty") }
        guard let image = try await images.image(request.image.image) else { return .init() }
        return try .with {
            $0.image = image.message
            if request.verbose { $0.info["info"] = try image.verboseInfo }
        }
    }

    package func pullImage(
        _ request: Runtime_V1_PullImageRequest, _ context: CallContext
    ) async throws -> Runtime_V1_PullImageResponse {
        guard !request.image.image.isEmpty else { throw CRIError.invalid("/image/image", "is empty") }
        let credentials = request.hasAuth ? try RegistryCredentials(request.auth) : nil
        let image = try await images.pull(request.image.image, credentials: credentials)
        return .with { $0.imageRef = image.id }
    }

    /// Idempotent. By one of its names, the image goes with all of them.
    package func removeImage(
        _ request: Runtime_V1_RemoveImageRequest, _ context: CallContext
    ) async throws -> Runtime_V1_RemoveImageResponse {
        guard !request.image.image.isEmpty else { throw CRIError.invalid("/image/image", "is empty") }
        try await images.remove(request.image.image)
        return .init()
    }

    /// What images take, and what containers have written: on one file system, and counted apart.
    package func imageFsInfo(
        _ request: Runtime_V1_ImageFsInfoRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ImageFsInfoResponse {
        let (images, containers) = (try await images.usage(), try await images.snapshotUsage())
        return .with {
            $0.imageFilesystems = [message(images)]
            $0.containerFilesystems = [message(containers)]
        }
    }

    private func message(_ usage: ImageUsage) -> Runtime_V1_FilesystemUsage {
        .with {
            $0.timestamp = Identity.now()
            $0.fsID = .with { $0.mountpoint = layout.root }
            $0.usedBytes = .with { $0.value = usage.bytes }
            $0.inodesUsed = .with { $0.value = usage.inodes }
        }
    }
}
