import Foundation
import GRDB
import Logging
import Synchronization

/// An image that is here, with its configuration decoded.
public struct StoredImage: Sendable {
    public let record: ImageRecord
    public let configuration: ImageConfiguration

    /// `sha256:` and the digest of its configuration.
    public var id: String { record.id.description }
    public var repoTags: [String] { record.tags }
    public var repoDigests: [String] { record.digests }
}

/// All images: pulled from registries, unpacked, recorded, found again, mounted for containers, and removed.
public final class ImageStore: Sendable {
    private let puller: Puller
    private let layers: LayerStore
    private let records: ImageRecords
    private let snapshots: SnapshotStore
    private let written: MeasuredUsage
    private let garbage: ImageGarbage
    private let log: Logger
    private let collectAfter: Duration
    private let isCollectionPlanned = Mutex(false)
    /// Names in their normal form.
    private let pinned: Set<String>

    /// - Parameters:
    ///   - root: the daemon's directory (`/var/lib/apus-cri`).
    ///   - database: with the tables of ``ImagesSchema``.
    ///   - unpacks: layers unpacked at the same time.
    ///   - collectAfter: how long what a removed image leaves is kept.
    ///   - pinned: references of images that garbage collectors outside are asked to leave alone.
    public init(
        root: String, database: DatabasePool, pulling: Puller.Options = .init(),
        limits: UnpackLimits = .init(),
        unpacks: Int = 2, collectAfter: Duration = .zero, pinned: [String] = [], log: Logger
    ) throws(ImageError) {
        let directories = ImageRoot(root)
        self.log = log
        self.collectAfter = collectAfter
        self.pinned = Set(try pinned.map { name throws(ImageError) in try ImageReference(name).description })
        records = ImageRecords(root: directories, database: database)
        let snapshots = try SnapshotStore(root: directories, database: database)
        self.snapshots = snapshots
        written = MeasuredUsage { () async throws(ImageError) in try await snapshots.usage() }
        layers = try LayerStore(
            root: directories, database: database, limits: limits, width: unpacks, logger: log)
        garbage = ImageGarbage(root: directories, layers: layers, database: database, logger: log)
        puller = try Puller(root: root, sink: layers, options: pulling, logger: log) { [records] digest in
            // Without it, it is fetched once more.
            try? await records.configuration(digest)
        }
    }

    /// Sets right what a killed daemon has left. To be called once, before all else; deletes nothing yet.
    public func recover() async throws(ImageError) {
        let recovery = try await garbage.recover()
        for image in recovery.lostImages {
            log.warning(
                "an image is gone, for not all of it had reached the disk when the host went down",
                metadata: ["image": "\(image)"])
        }
        for image in try await records.images() {
            let isPinned = !pinned.isDisjoint(with: image.tags + image.digests)
            if isPinned != image.isPinned {
                try await records.setPinned(isPinned, matching: image.id.description)
            }
        }
    }

    /// Ends what goes on; no call may come after it.
    public func shutDown() async {
        await puller.shutDown()
        try? await layers.makeDurable()
    }

    // MARK: Images

    /// Brings an image here, or finds that it is.
    ///
    /// - Parameters:
    ///   - text: a reference as people write it.
    ///   - handler: the runtime handler that it is for; empty is the default one. It is listed with it, and the same
    ///     otherwise.
    public func pull(
        _ text: String, handler: String = "", credentials: RegistryCredentials? = nil,
        progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws(ImageError) -> StoredImage {
        let reference = try ImageReference(text)
        let id: Digest
        do throws(ImageError) {
            id = try await fetch(reference, handler, credentials, progress)
        } catch {
            // What it has unpacked is kept for another try, for a while.
            planCollection()
            throw error
        }
        guard let image = try await image(id.description) else {
            throw ImageError(.unavailable, doing: "pull \(reference)", "it was removed at the same time")
        }
        return image
    }

    private func fetch(
        _ reference: ImageReference, _ handler: String, _ credentials: RegistryCredentials?,
        _ progress: (@Sendable (PullProgress) -> Void)?
    ) async throws(ImageError) -> Digest {
        try await layers.withLease { () async throws(ImageError) -> Digest in
            let content = try await puller.pull(reference, credentials: credentials, progress: progress)
            var names = [reference.pinned(to: content.resolvedDigest).description]
            if reference.digest == nil { names.append(reference.description) }
            try await records.insert(
                NewImage(
                    id: content.configDigest, config: content.config, manifestDigest: content.manifestDigest,
                    size: content.size, names: names, chainIDs: content.chainIDs,
                    isPinned: !pinned.isDisjoint(with: names),
                    annotations: ImageAnnotations.of(content.manifest), handler: handler))
            return content.configDigest
        }
    }

    /// The image of this ID, beginning of an ID, or reference; nil if there is none.
    ///
    /// - Throws: `invalid` for a text that can be none of them.
    public func image(_ text: String) async throws(ImageError) -> StoredImage? {
        try ImageNames.check(text)
        guard let record = try await records.image(matching: text) else { return nil }
        return try stored(record)
    }

    /// The same for a runtime handler, with which it is listed from now on.
    public func image(_ text: String, for handler: String) async throws(ImageError) -> StoredImage? {
        guard let image = try await image(text) else { return nil }
        if image.record.handlers.contains(handler) { return image }
        try await records.add(handler: handler, to: image.record.id)
        return try await self.image(image.id)
    }

    /// All of them, the oldest first.
    public func images() async throws(ImageError) -> [StoredImage] {
        var images: [StoredImage] = []
        for record in try await records.images() { images.append(try stored(record)) }
        return images
    }

    /// Removes an image with all of its names; none is no error. What containers of it need stays as long as they do.
    ///
    /// - Parameter handler: as for ``ImageRecords/remove(matching:handler:)``.
    /// - Throws: `invalid` for a text that can be neither an ID nor a reference.
    public func remove(_ text: String, handler: String = "") async throws(ImageError) {
        try ImageNames.check(text)
        guard try await records.remove(matching: text, handler: handler) != nil else { return }
        planCollection()
    }

    /// One collection for all images that are removed until it begins.
    private func planCollection() {
        let isPlanned = isCollectionPlanned.withLock { planned in
            defer { planned = true }
            return planned
        }
        guard !isPlanned else { return }
        Task { [weak self, collectAfter] in
            try? await Task.sleep(for: collectAfter)
            guard let self else { return }
            isCollectionPlanned.withLock { $0 = false }
            do throws(ImageError) {
                try await collectGarbage()
            } catch {
                log.warning("what removed images left is still there", metadata: ["error": "\(error)"])
            }
        }
    }

    /// What images take on the disk.
    public func usage() async throws(ImageError) -> ImageUsage { try await records.usage() }

    /// Deletes what no image and no container has any more, and what cut pulls left a day ago or earlier.
    public func collectGarbage() async throws(ImageError) {
        try await garbage.collect()
        _ = try await puller.cleanIngest(olderThan: 24 * 3600)
    }

    private func stored(_ record: ImageRecord) throws(ImageError) -> StoredImage {
        StoredImage(
            record: record, configuration: try ImageConfiguration(record.config, name: record.id.description))
    }

    // MARK: Snapshots

    /// A root file system to write to; see ``SnapshotStore/prepare(_:image:idMaps:)``.
    public func prepareSnapshot(_ id: String, image: StoredImage, idMaps: IDMaps?) async throws(ImageError) {
        try await snapshots.prepare(id, image: image.record.id, idMaps: idMaps)
    }

    /// An image to be looked at only; see ``SnapshotStore/prepareView(_:image:isMapped:)``.
    public func prepareView(_ id: String, image: StoredImage, isMapped: Bool) async throws(ImageError) {
        try await snapshots.prepareView(id, image: image.record.id, isMapped: isMapped)
    }

    public func mountSnapshot(
        _ id: String, at place: String, _ options: SnapshotMountOptions
    ) async throws(ImageError) {
        try await snapshots.mount(id, at: place, options)
    }

    /// What all containers have written takes on the disk, as it was measured lately (``MeasuredUsage``).
    ///
    /// - Returns: with when it was measured, in nanoseconds since 1970.
    public func snapshotUsage() async throws(ImageError) -> (usage: ImageUsage, taken: Int64) {
        let measured = try await written.current()
        return (measured.usage, measured.taken)
    }

    /// None of this ID is no error. It must not be mounted any more.
    public func removeSnapshot(_ id: String) async throws(ImageError) { try await snapshots.remove(id) }
}
