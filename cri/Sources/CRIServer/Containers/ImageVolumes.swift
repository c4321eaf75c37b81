import CRIProto
import Diagnosis
import Images
import Kernel

/// An image that a container mounts as a volume (Mount.image).
struct ImageVolume: Sendable {
    /// Which of the container's mounts.
    let index: Int
    let image: StoredImage
    /// The snapshot that keeps its layers as long as the container is there.
    let snapshot: String
}

extension PodRuntime {
    /// The images among the container's mounts.
    func imageVolumes(of config: Runtime_V1_ContainerConfig, container: String) async throws -> [ImageVolume]
    {
        var volumes: [ImageVolume] = []
        for (index, mount) in config.mounts.enumerated() where mount.hasImage && !mount.image.image.isEmpty {
            guard let image = try await images.image(mount.image.image) else {
                throw CRIError(
                    .notFound,
                    Failure(
                        at: Pointer("/config/mounts").index(index).key("image"),
                        "\"\(mount.image.image)\" is not here", remedy: "pull it"))
            }
            volumes.append(ImageVolume(index: index, image: image, snapshot: "\(container)-\(index)"))
        }
        return volumes
    }

    /// Makes them visible on the host, read-only; where, by the mount's index.
    func mount(
        _ volumes: [ImageVolume], of container: String, _ options: SnapshotMountOptions
    ) async throws -> [Int: String] {
        var options = options
        options.isReadOnly = true
        var places: [Int: String] = [:]
        for (number, volume) in volumes.enumerated() {
            let place = layout.imageVolume(number, of: container)
            try await blocking { try FileTree.makeDirectories(place, mode: 0o755) }
            try await images.prepareView(
                volume.snapshot, image: volume.image, isMapped: options.userNamespace != nil)
            try await images.mountSnapshot(volume.snapshot, at: place, options)
            places[volume.index] = place
        }
        return places
    }
}
