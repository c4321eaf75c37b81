import Diagnosis
import GRDB
import Kernel

/// A layer that is unpacked and not yet recorded.
struct NewLayer: Sendable {
    let chainID: Digest
    let diffID: Digest
    let statistics: LayerStatistics
}

/// A row of `layers`.
struct LayerRow: Sendable, Equatable, FetchableRecord {
    let id: Int64
    let parentID: Int64?
    /// Bytes on disk.
    let size: Int64
    /// As in ``LayerStatistics``; of a layer that was unpacked before they were noted, 0.
    let entries: Int64
    let archiveBytes: Int64
    let blobBytes: Int64
    /// Whether it hides all layers below.
    let isOpaque: Bool

    init(row: Row) {
        id = row["id"]
        parentID = row["parent_id"]
        size = row["size"]
        entries = row["entries"]
        archiveBytes = row["archive_bytes"]
        blobBytes = row["blob_bytes"]
        isOpaque = row["is_opaque"]
    }
}

/// The rows of `layers`.
struct LayerRecords: Sendable {
    let database: ImageDatabase

    /// The layer, if it is there and stays.
    ///
    /// It is looked up as a write would be, one after another with the collection of garbage, so that a layer that was
    /// touched before (``Leases/touch(_:)``) and is seen here is not collected.
    func layer(_ chainID: Digest) async throws(ImageError) -> LayerRow? {
        try await database.write("look up the layer \(chainID)") { db in
            try Self.layer(chainID, db)
        }
    }

    static func layer(_ chainID: Digest, _ db: Database) throws -> LayerRow? {
        try LayerRow.fetchOne(
            db, sql: "SELECT * FROM layers WHERE chain_id = ? AND state <> 'removing'",
            arguments: [chainID.hex])
    }

    /// The layer and all below it, the uppermost first.
    func chain(upTo chainID: Digest) async throws(ImageError) -> [LayerRow] {
        try await database.read("look up the layers below") { db in
            var chain: [LayerRow] = []
            var next = try Self.layer(chainID, db)
            while let layer = next {
                chain.append(layer)
                next = try layer.parentID.flatMap { parent in
                    try LayerRow.fetchOne(db, sql: "SELECT * FROM layers WHERE id = ?", arguments: [parent])
                }
            }
            guard !chain.isEmpty else {
                throw ImageError(
                    .notFound, doing: "look up the layer below", "there is no layer \(chainID)",
                    remedy: "pull the image once more")
            }
            return chain
        }
    }

    /// Records a layer; `place` moves it to where its id says, in the same transaction.
    func add(
        _ layer: NewLayer, parent: Int64?,
        place: @escaping @Sendable (Int64) throws(SystemError) -> Void
    ) async throws(ImageError) {
        let boot = try Boot.id()
        try await database.write("record the layer \(layer.chainID)") { db in
            if let parent {
                let stays = try Bool.fetchOne(
                    db, sql: "SELECT state <> 'removing' FROM layers WHERE id = ?", arguments: [parent])
                guard stays == true else {
                    throw ImageError(
                        .unavailable, doing: "record the layer \(layer.chainID)",
                        "the layer below has been removed meanwhile", remedy: "pull the image once more")
                }
            }
            try db.execute(
                sql: """
                    INSERT INTO layers (
                        chain_id, diff_id, parent_id, size, inodes, entries, archive_bytes, blob_bytes, is_opaque,
                        state, boot)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'written', ?)
                    """,
                arguments: [
                    layer.chainID.hex, layer.diffID.hex, parent, layer.statistics.bytes,
                    layer.statistics.inodes, layer.statistics.entries, layer.statistics.archiveBytes,
                    layer.statistics.blobBytes, layer.statistics.isOpaque, boot,
                ])
            try place(db.lastInsertedRowID)
        }
    }

    /// Layers of which it is not known that they are on disk.
    func written() async throws(ImageError) -> [Int64] {
        try await database.read("look up what is to be synced") { db in
            try Int64.fetchAll(db, sql: "SELECT id FROM layers WHERE state = 'written'")
        }
    }

    func setDurable(_ ids: [Int64]) async throws(ImageError) {
        try await database.write("record what has been synced") { db in
            for id in ids {
                try db.execute(
                    sql: "UPDATE layers SET state = 'durable' WHERE id = ? AND state = 'written'",
                    arguments: [id])
            }
        }
    }
}

/// Which boot of the host this is.
enum Boot {
    static func id() throws(ImageError) -> String {
        do throws(SystemError) {
            return try FileTree.readText("/proc/sys/kernel/random/boot_id")
        } catch {
            throw ImageError(error)
        }
    }
}
