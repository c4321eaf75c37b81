import Diagnosis
import Foundation
import GRDB
import Kernel

/// What images and layers take on the disk.
public struct ImageUsage: Sendable, Equatable {
    public var bytes: UInt64
    public var inodes: UInt64
}

/// The images: rows of `images`, and the names by which they are known.
public final class ImageRecords: Sendable {
    private let database: ImageDatabase
    private let root: ImageRoot

    public init(root: ImageRoot, database: DatabasePool) {
        self.root = root
        self.database = ImageDatabase(pool: database)
    }

    /// Records an image that has been pulled, or gives one that is there further names. A name that another image had
    /// goes over to this one.
    ///
    /// - Throws: `unavailable` if one of its layers is not there any more: it is to be pulled once more.
    public func insert(_ image: NewImage) async throws(ImageError) {
        let now = Timestamp.now()
        try await database.write("record the image \(image.id)") { db in
            var layers: [Int64] = []
            for chainID in image.chainIDs {
                guard let layer = try LayerRecords.layer(chainID, db) else {
                    throw ImageError(
                        .unavailable, doing: "record the image \(image.id)",
                        "the layer \(chainID) is not there", remedy: "pull the image once more")
                }
                layers.append(layer.id)
            }
            try db.execute(
                sql: """
                    INSERT INTO images (id, config, manifest_digest, size, created, pinned, annotations)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET
                        manifest_digest = excluded.manifest_digest, size = excluded.size,
                        pinned = max(pinned, excluded.pinned), annotations = excluded.annotations
                    """,
                arguments: [
                    image.id.hex, Data(image.config), image.manifestDigest.hex, image.size,
                    Int64(now.seconds) * 1_000_000_000 + Int64(now.nanoseconds), image.isPinned,
                    try ImageAnnotations.encode(image.annotations),
                ])
            try Self.add(image.handler, to: image.id.hex, db)
            try db.execute(
                sql: "DELETE FROM image_layers WHERE image_id = ?", arguments: [image.id.hex])
            for (position, layer) in layers.enumerated() {
                try db.execute(
                    sql: "INSERT INTO image_layers (image_id, position, layer_id) VALUES (?, ?, ?)",
                    arguments: [image.id.hex, position, layer])
            }
            for name in image.names {
                try db.execute(
                    sql: """
                        INSERT INTO image_references (name, image_id) VALUES (?, ?)
                        ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id
                        """,
                    arguments: [name, image.id.hex])
            }
        }
    }

    /// Notes that an image was asked for with a runtime handler. None of this id is no error.
    public func add(handler: String, to id: Digest) async throws(ImageError) {
        try await database.write("note the runtime handler of the image \(id)") { db in
            let known = try String.fetchOne(
                db, sql: "SELECT id FROM images WHERE id = ?", arguments: [id.hex])
            if known != nil { try Self.add(handler, to: id.hex, db) }
        }
    }

    private static func add(_ handler: String, to id: String, _ db: Database) throws {
        try db.execute(
            sql: "INSERT OR IGNORE INTO image_handlers (image_id, handler) VALUES (?, ?)",
            arguments: [id, handler])
    }

    /// The image that is meant: by its id with or without `sha256:`, by a name, or by the beginning of its id, of which
    /// three digits or more will do if only one image's id begins with them; in this order. nil if there is none.
    ///
    /// - Throws: `invalid` if the ids of several images begin so.
    public func image(matching text: String) async throws(ImageError) -> ImageRecord? {
        try await database.read("look up the image \(text)") { db in
            try Self.id(matching: text, db).flatMap { try Self.record($0, db) }
        }
    }

    /// All images, the oldest first.
    public func images() async throws(ImageError) -> [ImageRecord] {
        try await database.read("list the images") { db in
            var names: [String: [String]] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT name, image_id FROM image_references") {
                names[row["image_id"], default: []].append(row["name"])
            }
            var handlers: [String: [String]] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT image_id, handler FROM image_handlers") {
                handlers[row["image_id"], default: []].append(row["handler"])
            }
            return try Row.fetchAll(db, sql: "SELECT * FROM images ORDER BY created, id").map { row in
                let id: String = row["id"]
                return try ImageRecord(row: row, names: names[id] ?? [], handlers: handlers[id] ?? [])
            }
        }
    }

    /// The configuration of an image by its digest, for a pull that would fetch it; nil if it is not here.
    public func configuration(_ id: Digest) async throws(ImageError) -> [UInt8]? {
        try await database.read("look up the configuration \(id)") { db in
            try Data.fetchOne(db, sql: "SELECT config FROM images WHERE id = ?", arguments: [id.hex])
                .map { Array($0) }
        }
    }

    /// Removes the image that is meant, with all its names. Its layers go with the next collection of garbage, unless
    /// another image or a snapshot has them.
    ///
    /// - Parameter handler: the runtime handler that it is not wanted with any more. If it was asked for with others,
    ///   it stays for these, unless it was not asked for with the default one, and that is the one.
    /// - Returns: its id; nil if there is none, which is no error, or if it stays.
    @discardableResult
    public func remove(matching text: String, handler: String = "") async throws(ImageError) -> Digest? {
        try await database.write("remove the image \(text)") { db in
            guard let id = try Self.id(matching: text, db) else { return nil }
            let handlers = try Self.handlers(id, db)
            if !handlers.isEmpty, handlers != [handler], handlers.contains(handler) || !handler.isEmpty {
                try db.execute(
                    sql: "DELETE FROM image_handlers WHERE image_id = ? AND handler = ?",
                    arguments: [id, handler])
                return nil
            }
            try db.execute(sql: "DELETE FROM images WHERE id = ?", arguments: [id])
            return Digest(hex: id)
        }
    }

    /// Asks garbage collectors outside to leave an image alone, or not any more.
    ///
    /// - Throws: `notFound` if there is no such image.
    public func setPinned(_ isPinned: Bool, matching text: String) async throws(ImageError) {
        try await database.write("pin the image \(text)") { db in
            guard let id = try Self.id(matching: text, db) else {
                throw ImageError(.notFound, doing: "pin the image \(text)", "there is no such image")
            }
            try db.execute(sql: "UPDATE images SET pinned = ? WHERE id = ?", arguments: [isPinned, id])
        }
    }

    /// What the layers, and the blobs that are on their way to be layers, take on disk.
    public func usage() async throws(ImageError) -> ImageUsage {
        var usage = try await database.read("add up the layers") { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT total(size) AS bytes, total(inodes) AS inodes FROM layers")
            let bytes: Double = row?["bytes"] ?? 0
            let inodes: Double = row?["inodes"] ?? 0
            return ImageUsage(bytes: UInt64(max(0, bytes)), inodes: UInt64(max(0, inodes)))
        }
        for directory in [root.ingest, root.blobs] {
            for name in (try? FileTree.list(directory)) ?? [] {
                guard let status = try? FileTree.statusOfLink("\(directory)/\(name)") else { continue }
                usage.bytes += UInt64(max(0, status.blocks)) * 512
                usage.inodes += 1
            }
        }
        return usage
    }

    // MARK: - Rows

    static func id(matching text: String, _ db: Database) throws -> String? {
        let prefix = ImageNames.idPrefix(text)
        // `sha256:HEX` is the name of an image, too, and somebody may have called one so.
        if let prefix, prefix.utf8.count == 64,
            let id = try String.fetchOne(db, sql: "SELECT id FROM images WHERE id = ?", arguments: [prefix])
        {
            return id
        }
        for name in ImageNames.normal(text) {
            let sql = "SELECT image_id FROM image_references WHERE name = ?"
            if let id = try String.fetchOne(db, sql: sql, arguments: [name]) { return id }
        }
        guard let prefix else { return nil }
        // Digits only: nothing that LIKE or GLOB would take for a pattern.
        let ids = try String.fetchAll(
            db, sql: "SELECT id FROM images WHERE id GLOB ? LIMIT 2", arguments: [prefix + "*"])
        guard ids.count < 2 else {
            throw ImageError(
                .invalid, doing: "look up the image \(text)", "the ids of several images begin so",
                remedy: "give more of its digits")
        }
        return ids.first
    }

    private static func record(_ id: String, _ db: Database) throws -> ImageRecord? {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM images WHERE id = ?", arguments: [id])
        else { return nil }
        let names = try String.fetchAll(
            db, sql: "SELECT name FROM image_references WHERE image_id = ?", arguments: [id])
        return try ImageRecord(row: row, names: names, handlers: handlers(id, db))
    }

    private static func handlers(_ id: String, _ db: Database) throws -> [String] {
        try String.fetchAll(db, sql: "SELECT handler FROM image_handlers WHERE image_id = ?", arguments: [id])
    }
}
