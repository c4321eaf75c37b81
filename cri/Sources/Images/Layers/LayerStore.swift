import Diagnosis
import GRDB
import Glibc
import Kernel
import Logging
import Synchronization

/// The unpacked layers: each a directory that overlay mounts, known by its chainID.
///
/// A layer is unpacked into a directory of its own, checked, and put in place with its row in one transaction: there is
/// none that is not whole. What a power cut leaves is another matter: until the file system has been synced after the
/// unpacking, which is done a little later and not in a pull's way, the row says `written`; after a boot such layers are
/// not trusted (``ImageGarbage/recover()``).
public final class LayerStore: LayerSink {
    let root: ImageRoot
    let records: LayerRecords
    let leases = Leases()
    let pool: BlockingPool
    private let limits: UnpackLimits
    private let logger: Logger
    private let flights = SharedWork<Digest>()
    private let isSyncPlanned = Mutex(false)
    private let syncDelay: Duration

    /// - Parameters:
    ///   - database: of ``StateDatabase``, with the tables of ``ImagesSchema``.
    ///   - width: layers unpacked at the same time.
    ///   - syncDelay: how long after a layer the file system is synced: one sync for all layers of a pull.
    public init(
        root: ImageRoot, database: DatabasePool, limits: UnpackLimits = UnpackLimits(), width: Int = 3,
        syncDelay: Duration = .seconds(2), logger: Logger = Logger(label: "images")
    ) throws(ImageError) {
        try root.make()
        self.root = root
        self.limits = limits
        self.logger = logger
        self.syncDelay = syncDelay
        records = LayerRecords(database: ImageDatabase(pool: database))
        pool = BlockingPool("images.layers", width: width)
    }

    /// Does `body`, and keeps all layers that it sees or makes, by ``hasLayer(chainID:)`` and
    /// ``unpack(blobAt:compression:diffID:parent:)``, until its end: garbage collection may run at any time, but a pull
    /// has its layers until its image is recorded.
    public func withLease<Outcome>(
        _ body: () async throws(ImageError) -> Outcome
    ) async throws(ImageError) -> Outcome {
        let lease = leases.begin()
        defer { leases.end(lease) }
        return try await body()
    }

    public func hasLayer(chainID: Digest) async throws(ImageError) -> Bool {
        leases.touch(chainID)
        return try await records.layer(chainID) != nil
    }

    public func unpack(
        blobAt path: String, compression: LayerCompression, diffID: Digest, parent: Digest?
    ) async throws(ImageError) {
        let blob: OpenFile
        do throws(SystemError) {
            // Opened here: the caller may be cancelled, and remove it, while others wait for the layer.
            blob = OpenFile(try FileDescriptor.open(path, O_RDONLY))
        } catch {
            throw ImageError(error)
        }
        let chainID = Digest.chainID(of: diffID, above: parent)
        leases.touch(chainID)
        if let parent { leases.touch(parent) }
        try await flights.run(chainID) { () async throws(ImageError) in
            try await self.unpack(blob, compression, diffID: diffID, chainID: chainID, parent: parent)
        }
    }

    private func unpack(
        _ blob: OpenFile, _ compression: LayerCompression, diffID: Digest, chainID: Digest, parent: Digest?
    ) async throws(ImageError) {
        if try await records.layer(chainID) != nil { return }
        let lowers = if let parent { try await records.chain(upTo: parent) } else { [LayerRow]() }
        let unpacking = LayerUnpacking(
            blob: blob, compression: compression, diffID: diffID,
            lowers: lowers.map { root.layer($0.id) },
            below: LayerTotals(of: lowers), limits: limits)
        let temporary = "\(root.layers)/tmp-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        do throws(ImageError) {
            let statistics = try await pool.run { cancellation throws(ImageError) in
                try unpacking.run(in: temporary, check: cancellation.check)
            }
            if !statistics.skippedAttributes.isEmpty {
                logger.warning(
                    "the file system does not take some extended attributes of a layer",
                    metadata: [
                        "layer": "\(chainID)",
                        "attributes": "\(statistics.skippedAttributes)",
                    ])
            }
            try await place(
                temporary, NewLayer(chainID: chainID, diffID: diffID, statistics: statistics),
                parent: lowers.first?.id)
        } catch {
            await discard(temporary)
            throw error
        }
        planSync()
    }

    /// Gives the layer its number and its place. The directory is moved within the transaction: if that fails, it is
    /// moved back.
    private func place(_ temporary: String, _ layer: NewLayer, parent: Int64?) async throws(ImageError) {
        let placed = Mutex<String?>(nil)
        let root = root
        do throws(ImageError) {
            try await records.add(layer, parent: parent) { id throws(SystemError) in
                let place = "\(root.layers)/\(id)"
                try FileTree.rename(temporary, to: place)
                placed.withLock { $0 = place }
            }
        } catch {
            if let place = placed.withLock({ $0 }) {
                _ = await pool.finish { try? FileTree.rename(place, to: temporary) }
            }
            throw error
        }
    }

    private func discard(_ directory: String) async {
        let trash = Trash(root)
        let failure = await pool.finish { () -> ImageError? in
            do throws(ImageError) {
                if try trash.take(directory) { try trash.empty() }
                return nil
            } catch {
                return error
            }
        }
        if let failure {
            logger.warning("a refused layer is not wholly removed yet", metadata: ["error": "\(failure)"])
        }
    }

    // MARK: - Power cuts

    /// Syncs the file system and notes which layers are safe from a power cut from now on. Done by itself after each
    /// pull; a daemon that ends does it once more.
    public func makeDurable() async throws(ImageError) {
        let written = try await records.written()
        guard !written.isEmpty else { return }
        let path = root.layers
        try await pool.run { _ throws(ImageError) in
            do throws(SystemError) {
                try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY).synchronizeFileSystem(name: path)
            } catch {
                throw ImageError(error)
            }
        }
        try await records.setDurable(written)
    }

    private func planSync() {
        let isPlanned = isSyncPlanned.withLock { planned in
            defer { planned = true }
            return planned
        }
        guard !isPlanned else { return }
        Task { [weak self, syncDelay] in
            try? await Task.sleep(for: syncDelay)
            guard let self else { return }
            isSyncPlanned.withLock { $0 = false }
            do throws(ImageError) {
                try await makeDurable()
            } catch {
                logger.warning("layers are not safe from a power cut yet", metadata: ["error": "\(error)"])
            }
        }
    }
}
