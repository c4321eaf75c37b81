import CRIProto
import Diagnosis
import Images
import Logging

/// The calls of `runtime.v1.ImageService`.
///
/// Of an ImageSpec, `annotations` and `user_specified_image` change nothing: no image is chosen by the former, and the
/// latter comes back with ImageStatus. `sandbox_config` of PullImage changes nothing either, as in containerd: images are
/// the same for all pods and for all runtime handlers.
package final class ImageCalls: ImageService {
    let images: ImageStore
    let layout: Layout
    let handlers: RuntimeHandlers
    let log: Logger

    init(images: ImageStore, layout: Layout, handlers: RuntimeHandlers, log: Logger) {
        self.images = images
        self.layout = layout
        self.handlers = handlers
        self.log = log
    }

    package func listImages(
        _ request: Runtime_V1_ListImagesRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ListImagesResponse {
        let images = try await matching(request.filter)
        return .with { $0.images = images }
    }

    /// The same in pieces: an answer never outgrows a message.
    package func streamImages(
        _ request: Runtime_V1_StreamImagesRequest, _ context: CallContext,
        _ responses: Responses<Runtime_V1_StreamImagesResponse>
    ) async throws {
        for image in try await matching(request.filter) {
            try await responses.send(.with { $0.images = [image] })
        }
    }

    private func matching(_ filter: Runtime_V1_ImageFilter) async throws -> [Runtime_V1_Image] {
        try check(filter.image, at: "filter")
        let wanted = filter.image
        let all: [StoredImage]
        if wanted.image.isEmpty {
            all = try await images.images()
        } else {
            all = try await images.image(wanted.image).map { [$0] } ?? []
        }
        let messages = all.flatMap(\.messages)
        if wanted.runtimeHandler.isEmpty { return messages }
        return messages.filter { $0.spec.runtimeHandler == wanted.runtimeHandler }
    }

    /// An unknown handler is to be refused (api.proto, ImageSpec).
    ///
    /// - Parameter place: fields of the request on the way to the one of the image.
    private func check(_ image: Runtime_V1_ImageSpec, at place: String...) throws(CRIError) {
        let names = handlers.all.map(\.name)
        guard image.runtimeHandler.isEmpty || names.contains(image.runtimeHandler) else {
            let pointer = "/" + (place + ["image", "runtime_handler"]).joined(separator: "/")
            throw CRIError.invalid(
                Pointer(pointer),
                "\"\(image.runtimeHandler)\": no such runtime handler; there are "
                    + names.joined(separator: ", "),
                remedy:
                    "add [handlers.\(image.runtimeHandler)] to the configuration, or mend the RuntimeClass")
        }
    }

    /// No image and no error for one that is not there.
    package func imageStatus(
        _ request: Runtime_V1_ImageStatusRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ImageStatusResponse {
        guard !request.image.image.isEmpty else { throw CRIError.invalid("/image/image", "is empty") }
        try check(request.image)
        let handler = request.image.runtimeHandler
        guard let image = try await images.image(request.image.image, for: handler) else { return .init() }
        return try .with {
            $0.image = image.message(handler)
            $0.image.spec.userSpecifiedImage = request.image.userSpecifiedImage
            if request.verbose { $0.info["info"] = try image.verboseInfo }
        }
    }

    package func pullImage(
        _ request: Runtime_V1_PullImageRequest, _ context: CallContext
    ) async throws -> Runtime_V1_PullImageResponse {
        guard !request.image.image.isEmpty else { throw CRIError.invalid("/image/image", "is empty") }
        try check(request.image)
        let credentials = request.hasAuth ? try RegistryCredentials(request.auth) : nil
        let image = try await images.pull(
            request.image.image, handler: request.image.runtimeHandler, credentials: credentials)
        return .with { $0.imageRef = image.id }
    }

    /// Idempotent. By one of its names, the image goes with all of them, unless it is wanted with other runtime handlers.
    /// One that is not known, any more, is as good as another.
    package func removeImage(
        _ request: Runtime_V1_RemoveImageRequest, _ context: CallContext
    ) async throws -> Runtime_V1_RemoveImageResponse {
        guard !request.image.image.isEmpty else { throw CRIError.invalid("/image/image", "is empty") }
        try await images.remove(request.image.image, handler: request.image.runtimeHandler)
        return .init()
    }

    /// What images take, and what containers have written: on one file system, and counted apart.
    package func imageFsInfo(
        _ request: Runtime_V1_ImageFsInfoRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ImageFsInfoResponse {
        let (images, containers) = (try await images.usage(), try await images.snapshotUsage())
        return .with {
            $0.imageFilesystems = [message(images, Identity.now())]
            $0.containerFilesystems = [message(containers.usage, containers.taken)]
        }
    }

    /// - Parameter time: when it was measured, in nanoseconds since 1970.
    private func message(_ usage: ImageUsage, _ time: Int64) -> Runtime_V1_FilesystemUsage {
        .with {
            $0.timestamp = time
            $0.fsID = .with { $0.mountpoint = layout.root }
            $0.usedBytes = .with { $0.value = usage.bytes }
            $0.inodesUsed = .with { $0.value = usage.inodes }
        }
    }
}
