import Foundation
import GRDB
import Glibc
import Kernel
import Testing

@testable import Images

/// A store in a directory of its own.
struct TestStore: Sendable {
    let root: ImageRoot
    let database: DatabasePool
    let layers: LayerStore
    let images: ImageRecords
    let snapshots: SnapshotStore
    var garbage: ImageGarbage { ImageGarbage(root: root, layers: layers, database: database) }

    init(_ path: String, limits: UnpackLimits = UnpackLimits()) throws {
        root = ImageRoot(path)
        try root.make()
        var migrator = DatabaseMigrator()
        ImagesSchema.register(in: &migrator)
        database = try StateDatabase.open(path + "/state.db", migrator: migrator)
        layers = try LayerStore(
            root: root, database: database, limits: limits, syncDelay: .seconds(600))
        images = ImageRecords(root: root, database: database)
        snapshots = try SnapshotStore(root: root, database: database)
    }

    /// Unpacks an archive, packed or not, as a layer.
    ///
    /// - Returns: its chainID.
    @discardableResult
    func unpack(
        _ archive: [UInt8], as blob: [UInt8]? = nil, _ compression: LayerCompression = .none,
        diffID: Digest? = nil, above parent: Digest? = nil
    ) async throws -> Digest {
        let path = "\(root.blobs)/\(UUID().uuidString)"
        try Data(blob ?? archive).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        let diffID = diffID ?? Digest(of: archive)
        try await layers.unpack(blobAt: path, compression: compression, diffID: diffID, parent: parent)
        return Digest.chainID(of: diffID, above: parent)
    }

    /// Where a layer is.
    func path(_ chainID: Digest) async throws -> String {
        let layer = try await layers.records.layer(chainID)
        return root.layer(try #require(layer).id)
    }

    /// What is left of layers: directories in `layers` and `trash`, and rows.
    func leftovers() async throws -> [String] {
        let rows = try await database.read { db in
            try Int64.fetchAll(db, sql: "SELECT id FROM layers").map { "row \($0)" }
        }
        return try FileTree.list(root.layers).filter { $0 != "empty" } + FileTree.list(root.trash) + rows
    }

    func expectNothing() async throws {
        let left = try await leftovers()
        #expect(left == [])
    }

    /// An image of these layers.
    func image(_ seed: String, _ layers: [Digest], names: [String]) -> NewImage {
        let config = Array("{\"seed\":\"\(seed)\"}".utf8)
        return NewImage(
            id: Digest(of: config), config: config, manifestDigest: Digest(of: Array("m\(seed)".utf8)),
            size: 1000, names: names, chainIDs: layers)
    }
}

func withStore(
    limits: UnpackLimits = UnpackLimits(), _ body: (TestStore) async throws -> Void
) async throws {
    let path = "\(NSTemporaryDirectory())/apus-images-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(TestStore(path, limits: limits))
}

func text(_ path: String) throws -> String { String(decoding: try FileTree.read(path), as: UTF8.self) }

func attribute(_ name: String, _ path: String) throws -> [UInt8]? {
    let directory = try FileDescriptor.directory((path as NSString).deletingLastPathComponent)
    return try ExtendedAttributes.get(
        RawPath(name), of: RawPath((path as NSString).lastPathComponent), in: directory.number)
}

func isOpaque(_ path: String) throws -> Bool {
    try attribute("trusted.overlay.opaque", path) == Array("y".utf8)
}

func isWhiteout(_ path: String) throws -> Bool {
    OverlayMarks.isWhiteout(try FileTree.statusOfLink(path))
}

/// Devices, owners and trusted.* attributes are root's to make.
let isRoot = geteuid() == 0
