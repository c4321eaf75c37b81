import Diagnosis
import GRDB
import Glibc
import Kernel
import Logging

/// Deletes what nobody has any more: layers in no image and no snapshot, blobs of no pull, and what a killed daemon has
/// left half-done.
///
/// Every step can be cut off: a layer is first marked in its row, then moved to `trash` in one piece, then forgotten,
/// and what is in `trash` is garbage whoever looks.
public struct ImageGarbage: Sendable {
    private let root: ImageRoot
    private let layers: LayerStore
    private let database: ImageDatabase
    private let logger: Logger

    public init(
        root: ImageRoot, layers: LayerStore, database: DatabasePool, logger: Logger = Logger(label: "images")
    ) {
        self.root = root
        self.layers = layers
        self.database = ImageDatabase(pool: database)
        self.logger = logger
    }

    /// What ``recover()`` has found.
    public struct Recovery: Sendable, Equatable {
        /// Images that are gone because of a power cut: a layer of theirs may not have reached the disk.
        public var lostImages: [Digest] = []
        /// Snapshots whose files are gone, or whose layers are.
        public var lostSnapshots: [String] = []
        /// Directories and rows that were left half-done.
        public var leftovers = 0
    }

    /// Sets right what a killed daemon, or a power cut, has left. To be called once, before anything else uses the
    /// store; what it takes away is deleted by ``collect(blobsOlderThan:)``, which may come later.
    public func recover() async throws(ImageError) -> Recovery {
        var recovery = try await forgetUntrusted()
        let root = root
        let present = try await layers.pool.run { _ throws(ImageError) in
            try SnapshotMount.clearMapped(root)
            do throws(SystemError) {
                return (layers: try FileTree.list(root.layers), writable: try FileTree.list(root.writable))
            } catch {
                throw ImageError(error)
            }
        }
        let known = try await database.write("look for what was left half-done") { db in
            (
                layers: Set(
                    try Int64.fetchAll(db, sql: "SELECT id FROM layers WHERE state <> 'removing'").map {
                        "\($0)"
                    }),
                writable: Set(
                    try String.fetchAll(db, sql: "SELECT id FROM snapshots WHERE is_writable <> 0"))
            )
        }
        // Layers whose directories are gone are no layers: somebody has deleted them by hand.
        let gone = known.layers.subtracting(present.layers)
        if !gone.isEmpty {
            let lost = try await forget(gone.compactMap { Int64($0) })
            recovery.lostImages += lost.images
            recovery.lostSnapshots += lost.snapshots
        }
        let snapshotsWithout = known.writable.subtracting(present.writable)
        if !snapshotsWithout.isEmpty {
            try await database.write("forget snapshots without files") { db in
                for id in snapshotsWithout {
                    try db.execute(sql: "DELETE FROM snapshots WHERE id = ?", arguments: [id])
                }
            }
            recovery.lostSnapshots += snapshotsWithout.sorted()
        }
        let orphans =
            present.layers.filter { $0 != "empty" && !known.layers.contains($0) }
            .map { "\(root.layers)/\($0)" }
            + present.writable.filter { !known.writable.contains($0) }.map { "\(root.writable)/\($0)" }
        recovery.leftovers = orphans.count + gone.count
        let trash = Trash(root)
        try await layers.pool.run { _ throws(ImageError) in
            for orphan in orphans { _ = try trash.take(orphan) }
        }
        return recovery
    }

    /// Deletes what is of no use now. It may be called at any time.
    ///
    /// - Parameter age: blobs, and parts of them, that have not changed for so many seconds are deleted as well, if no
    ///   lease is in force; only for a caller whose every pull holds one (``LayerStore/withLease(_:)``). nil leaves
    ///   them to whoever fetches them.
    /// - Returns: how many layers have been deleted.
    @discardableResult
    public func collect(blobsOlderThan age: Int? = nil) async throws(ImageError) -> Int {
        let leases = layers.leases
        let removed = try await database.write("look for layers that nobody has") { db in
            let held = Set(leases.held.map(\.hex))
            while true {
                // Those with none above them first.
                let free = try Row.fetchAll(
                    db,
                    sql: """
                        SELECT id, chain_id FROM layers AS layer WHERE state <> 'removing'
                            AND NOT EXISTS (SELECT 1 FROM image_layers WHERE layer_id = layer.id)
                            AND NOT EXISTS (SELECT 1 FROM snapshot_layers WHERE layer_id = layer.id)
                            AND NOT EXISTS (
                                SELECT 1 FROM layers WHERE parent_id = layer.id AND state <> 'removing')
                        """
                ).filter { !held.contains($0["chain_id"]) }
                if free.isEmpty { break }
                for row in free {
                    try db.execute(
                        sql: "UPDATE layers SET state = 'removing' WHERE id = ?",
                        arguments: [row["id"] as Int64])
                }
            }
            return try Int64.fetchAll(db, sql: "SELECT id FROM layers WHERE state = 'removing'")
        }
        let root = root
        let trash = Trash(root)
        try await layers.pool.run { _ throws(ImageError) in
            for id in removed { _ = try trash.take("\(root.layers)/\(id)") }
            if let age { leases.ifNone { Self.takeBlobs(root, trash, olderThan: age) } }
        }
        try await database.write("forget layers that have been removed") { db in
            for id in removed {
                try db.execute(
                    sql: "DELETE FROM layers WHERE id = ? AND state = 'removing'", arguments: [id])
            }
        }
        try await layers.pool.run { _ throws(ImageError) in try trash.empty() }
        return removed.count
    }

    /// Moves away blobs that no pull wants: there is none. Each is one rename(2), as no pull can begin meanwhile.
    private static func takeBlobs(_ root: ImageRoot, _ trash: Trash, olderThan age: Int) {
        let now = Timestamp.now().seconds
        for directory in [root.blobs, root.ingest] {
            for name in (try? FileTree.list(directory)) ?? [] {
                let path = "\(directory)/\(name)"
                guard let status = try? FileTree.statusOfLink(path), now - status.modified.seconds >= age
                else { continue }
                _ = try? trash.take(path)
            }
        }
    }

    /// Forgets layers that were unpacked shortly before a power cut, with all that is made of them.
    private func forgetUntrusted() async throws(ImageError) -> Recovery {
        let boot = try Boot.id()
        let suspects = try await database.read("look for layers of another boot") { db in
            try Int64.fetchAll(
                db, sql: "SELECT id FROM layers WHERE state = 'written' AND boot <> ?", arguments: [boot])
        }
        guard !suspects.isEmpty else { return Recovery() }
        let lost = try await forget(suspects)
        logger.warning(
            "layers unpacked shortly before the host went down are not trusted",
            metadata: [
                "layers": "\(suspects.count)",
                "images": "\(lost.images.map(\.description).joined(separator: ", "))",
            ])
        return Recovery(lostImages: lost.images, lostSnapshots: lost.snapshots)
    }

    /// Marks layers and those above them for removal; images and snapshots of them are forgotten.
    private func forget(
        _ ids: [Int64]
    ) async throws(ImageError) -> (images: [Digest], snapshots: [String]) {
        try await database.write("forget layers that are not whole") { db in
            var images: Set<String> = []
            var snapshots: Set<String> = []
            var waiting = ids
            while let id = waiting.popLast() {
                waiting += try Int64.fetchAll(
                    db, sql: "SELECT id FROM layers WHERE parent_id = ? AND state <> 'removing'",
                    arguments: [id])
                for image in try String.fetchAll(
                    db, sql: "SELECT image_id FROM image_layers WHERE layer_id = ?", arguments: [id])
                {
                    images.insert(image)
                    try db.execute(sql: "DELETE FROM images WHERE id = ?", arguments: [image])
                }
                for snapshot in try String.fetchAll(
                    db, sql: "SELECT snapshot_id FROM snapshot_layers WHERE layer_id = ?", arguments: [id])
                {
                    snapshots.insert(snapshot)
                    try db.execute(sql: "DELETE FROM snapshots WHERE id = ?", arguments: [snapshot])
                }
                try db.execute(sql: "UPDATE layers SET state = 'removing' WHERE id = ?", arguments: [id])
            }
            return (images.sorted().compactMap { Digest(hex: $0) }, snapshots.sorted())
        }
    }
}
