import Diagnosis
import GRDB
import Glibc
import Kernel

/// How a snapshot is mounted.
public struct SnapshotMountOptions: Sendable, Equatable {
    /// Whether writing to it fails.
    public var isReadOnly: Bool
    /// The SELinux label of all files in it (mount(8), `context=`); nil leaves them theirs.
    public var selinuxContext: String?
    /// A file that stands for the user namespace whose IDs the files are to have, such as `/proc/PID/ns/user` or one
    /// that it is pinned to; wanted for a snapshot that was prepared with ID maps, and for no other.
    public var userNamespace: String?

    public init(
        isReadOnly: Bool = false, selinuxContext: String? = nil, userNamespace: String? = nil
    ) {
        self.isReadOnly = isReadOnly
        self.selinuxContext = selinuxContext
        self.userNamespace = userNamespace
    }
}

/// Root file systems of containers: an image's layers, and above them a directory of the container's own; or the
/// layers alone, for volumes that are images.
///
/// A snapshot has its layers for as long as it is recorded, whatever becomes of the image.
public final class SnapshotStore: Sendable {
    private let root: ImageRoot
    private let database: ImageDatabase
    private let pool: BlockingPool
    private let trashPool = BlockingPool("images.trash", width: 1)
    /// Its own: there may be much to walk, and mounts are not to wait for it.
    private let usagePool = BlockingPool("images.usage", width: 1)

    /// - Parameter width: mounts made at the same time.
    public init(root: ImageRoot, database: DatabasePool, width: Int = 4) throws(ImageError) {
        try root.make()
        self.root = root
        self.database = ImageDatabase(pool: database)
        pool = BlockingPool("images.snapshots", width: width)
    }

    /// Makes what a container writes to, and records which layers are below.
    ///
    /// - Parameters:
    ///   - id: the container's; a single name, without a slash.
    ///   - image: the image's id.
    ///   - idMaps: of a container with a user namespace. Its root directory is owned by what the maps make of the
    ///     image's owner; mounting it takes the user namespace.
    /// - Throws: `invalid` if there is a snapshot of that id; `notFound` if there is no such image.
    public func prepare(_ id: String, image: Digest, idMaps: IDMaps? = nil) async throws(ImageError) {
        try check(id)
        let layers = try await imageLayers(image)
        guard try await row(id) == nil else { throw exists(id) }
        let root = root
        let top = layers.first.map { root.layer($0.id) } ?? root.empty[0]
        try await pool.run { _ throws(ImageError) in
            do throws(ImageError) {
                try Self.makeWritable(id, in: root, like: top, idMaps)
            } catch {
                _ = try? Trash(root).take("\(root.writable)/\(id)")
                throw error
            }
        }
        do throws(ImageError) {
            try await record(id, image, isWritable: true, isMapped: idMaps != nil)
        } catch {
            _ = await pool.finish { try? Trash(root).take("\(root.writable)/\(id)") }
            emptyTrash()
            throw error
        }
    }

    /// Records a use of an image without anything to write to, which keeps its layers: an image volume.
    ///
    /// - Parameters: as for ``prepare(_:image:idMaps:)``; the id is any that no other snapshot has.
    public func prepareView(_ id: String, image: Digest, isMapped: Bool = false) async throws(ImageError) {
        try check(id)
        try await record(id, image, isWritable: false, isMapped: isMapped)
    }

    /// Mounts a snapshot on a directory of the host's. It is for the caller to unmount.
    public func mount(
        _ id: String, at target: String, _ options: SnapshotMountOptions = SnapshotMountOptions()
    ) async throws(ImageError) {
        guard let row = try await row(id) else {
            throw ImageError(.notFound, doing: "mount the snapshot \(id)", "there is no such snapshot")
        }
        guard row.isMapped == (options.userNamespace != nil) else {
            throw ImageError(
                .invalid, doing: "mount the snapshot \(id)",
                row.isMapped
                    ? "it was prepared with ID maps and needs a user namespace"
                    : "it was prepared without ID maps and has no use for a user namespace")
        }
        let mount = SnapshotMount(
            root: root, id: id, layers: row.layers.map { root.layer($0.id) },
            isWritable: row.isWritable, options: options)
        try await pool.run { _ throws(ImageError) in try mount.attach(at: target) }
    }

    /// What a container has written: bytes of disk and inodes, without its layers. 0 for a view.
    ///
    /// - Throws: `notFound` if there is no such snapshot.
    public func usage(_ id: String) async throws(ImageError) -> ImageUsage {
        guard let row = try await row(id) else {
            throw ImageError(.notFound, doing: "measure the snapshot \(id)", "there is no such snapshot")
        }
        guard row.isWritable else { return ImageUsage(bytes: 0, inodes: 0) }
        let upper = root.upper(id)
        return try await usagePool.run { cancellation throws(ImageError) in
            try TreeUsage.measure(upper, check: cancellation.check)
        }
    }

    /// What all containers have written: bytes of disk and inodes.
    public func usage() async throws(ImageError) -> ImageUsage {
        let ids = try await database.read("list the snapshots") { db in
            try String.fetchAll(db, sql: "SELECT id FROM snapshots WHERE is_writable")
        }
        var sum = ImageUsage(bytes: 0, inodes: 0)
        for id in ids {
            let upper = root.upper(id)
            let usage = try await usagePool.run { cancellation throws(ImageError) in
                // One that is removed meanwhile takes nothing.
                guard FileTree.exists(upper) else { return ImageUsage(bytes: 0, inodes: 0) }
                do throws(ImageError) {
                    return try TreeUsage.measure(upper, check: cancellation.check)
                } catch  where error.failure.errno == Errno(ENOENT) {
                    return ImageUsage(bytes: 0, inodes: 0)
                }
            }
            sum.bytes += usage.bytes
            sum.inodes += usage.inodes
        }
        return sum
    }

    /// Removes a snapshot, which is not mounted any more. None of that id is no error. The files are away at once, and
    /// deleted in the background.
    public func remove(_ id: String) async throws(ImageError) {
        try check(id)
        let root = root
        try await pool.run { _ throws(ImageError) in
            // First the files: a row without them is forgotten at the next start, as are files without a row.
            _ = try Trash(root).take("\(root.writable)/\(id)")
        }
        try await database.write("forget the snapshot \(id)") { db in
            try db.execute(sql: "DELETE FROM snapshots WHERE id = ?", arguments: [id])
        }
        emptyTrash()
    }

    /// The ids of all snapshots, sorted.
    public func list() async throws(ImageError) -> [String] {
        try await database.read("list the snapshots") { db in
            try String.fetchAll(db, sql: "SELECT id FROM snapshots ORDER BY id")
        }
    }

    // MARK: - Files

    private static func makeWritable(
        _ id: String, in root: ImageRoot, like top: String, _ idMaps: IDMaps?
    ) throws(ImageError) {
        // Left by a removal that was cut off.
        _ = try Trash(root).take("\(root.writable)/\(id)")
        let model: FileStatus
        do throws(SystemError) {
            model = try FileTree.status(top)
        } catch {
            throw ImageError(error)
        }
        let uid = try idMaps?.hostUID(model.owner) ?? model.owner
        let gid = try idMaps?.hostGID(model.group) ?? model.group
        do throws(SystemError) {
            // The upper directory is the container's root directory: it has what the image's has.
            for directory in ["\(root.writable)/\(id)", root.upper(id), root.work(id)] {
                try FileTree.makeDirectory(directory, mode: 0o711)
            }
            try FileTree.changeOwner(root.upper(id), uid: uid, gid: gid)
            try FileTree.changeMode(root.upper(id), model.mode & 0o7777)
        } catch {
            throw ImageError(error)
        }
    }

    private func emptyTrash() {
        let trash = Trash(root)
        Task { [trashPool] in
            // What cannot be deleted now is tried again by the collection of garbage, which says why.
            _ = try? await trashPool.run { _ throws(ImageError) in try trash.empty() }
        }
    }

    private func check(_ id: String) throws(ImageError) {
        guard !id.isEmpty, id.utf8.count <= 200, !id.hasPrefix("."), !id.utf8.contains(UInt8(ascii: "/")),
            !id.utf8.contains(0)
        else {
            throw ImageError(.invalid, doing: "prepare a snapshot", "\"\(id)\" is not a file's name")
        }
    }

    // MARK: - Rows

    private struct SnapshotRow: Sendable {
        let isWritable: Bool
        let isMapped: Bool
        /// The uppermost first.
        let layers: [LayerRow]
    }

    private func exists(_ id: String) -> ImageError {
        ImageError(
            .invalid, doing: "prepare the snapshot \(id)", "there is one of that id",
            remedy: "remove it first")
    }

    private func imageLayers(_ image: Digest) async throws(ImageError) -> [LayerRow] {
        try await database.read("look up the layers of \(image)") { db in
            guard
                try String.fetchOne(db, sql: "SELECT id FROM images WHERE id = ?", arguments: [image.hex])
                    != nil
            else {
                throw ImageError(.notFound, doing: "prepare a snapshot", "there is no image \(image)")
            }
            return try LayerRow.fetchAll(
                db,
                sql: """
                    SELECT layers.* FROM image_layers JOIN layers ON layers.id = layer_id
                    WHERE image_id = ? ORDER BY position DESC
                    """,
                arguments: [image.hex])
        }
    }

    private func record(
        _ id: String, _ image: Digest, isWritable: Bool, isMapped: Bool
    ) async throws(ImageError) {
        let duplicate = exists(id)
        try await database.write("record the snapshot \(id)") { db in
            guard
                try String.fetchOne(db, sql: "SELECT id FROM images WHERE id = ?", arguments: [image.hex])
                    != nil
            else {
                throw ImageError(.notFound, doing: "prepare the snapshot \(id)", "there is no image \(image)")
            }
            do {
                try db.execute(
                    sql: "INSERT INTO snapshots (id, image_id, is_writable, is_mapped) VALUES (?, ?, ?, ?)",
                    arguments: [id, image.hex, isWritable, isMapped])
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw duplicate
            }
            try db.execute(
                sql: """
                    INSERT INTO snapshot_layers (snapshot_id, position, layer_id)
                    SELECT ?, position, layer_id FROM image_layers WHERE image_id = ?
                    """,
                arguments: [id, image.hex])
        }
    }

    private func row(_ id: String) async throws(ImageError) -> SnapshotRow? {
        try await database.read("look up the snapshot \(id)") { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM snapshots WHERE id = ?", arguments: [id])
            else { return nil }
            var layers: [LayerRow] = []
            for layer in try LayerRow.fetchAll(
                db,
                sql: """
                    SELECT layers.* FROM snapshot_layers JOIN layers ON layers.id = layer_id
                    WHERE snapshot_id = ? ORDER BY position DESC
                    """,
                arguments: [id])
            {
                layers.append(layer)
                // Overlay merges the roots of layers whatever they are marked with.
                if layer.isOpaque { break }
            }
            return SnapshotRow(isWritable: row["is_writable"], isMapped: row["is_mapped"], layers: layers)
        }
    }
}
