import Foundation
import GRDB
import Kernel
import Testing

@testable import Images

/// What is deleted and what is not, also after a kill at any point: the states that one leaves are made by hand.
@Suite(.enabled(if: isRoot, "layers are unpacked as root"))
struct RecordsGarbageTests {
    private func archive(_ byte: UInt8) -> [UInt8] {
        var tar = TarBuilder()
        tar.add("d/f\(byte)", content: [byte])
        return tar.finished
    }

    @Test func onlyWhatNobodyHasIsDeleted() async throws {
        try await withStore { store in
            let base = try await store.unpack(archive(1))
            let one = try await store.unpack(archive(2), above: base)
            let two = try await store.unpack(archive(3), above: base)
            let lonely = try await store.unpack(archive(4), above: two)
            try await store.images.insert(store.image("one", [base, one], names: ["one:1"]))
            try await store.images.insert(store.image("two", [base, two], names: ["two:1"]))
            #expect(try await store.garbage.collect() == 1)
            #expect(try await !store.layers.hasLayer(chainID: lonely))

            try await store.images.remove(matching: "two:1")
            #expect(try await store.garbage.collect() == 1)
            #expect(try await store.layers.hasLayer(chainID: base))

            // A container goes on with its layers.
            let image = try #require(try await store.images.image(matching: "one:1"))
            try await store.snapshots.prepare("c1", image: image.id)
            try await store.images.remove(matching: "one:1")
            #expect(try await store.garbage.collect() == 0)
            try await store.snapshots.remove("c1")
            #expect(try await store.garbage.collect() == 2)
            try await store.expectNothing()
        }
    }

    @Test func aLeaseKeepsWhatItsPullHasSeen() async throws {
        try await withStore { store in
            let seen = try await store.unpack(archive(1))
            let unseen = try await store.unpack(archive(9))
            let blob = store.root.blobs + "/b"
            try await store.layers.withLease { () async throws(ImageError) in
                guard try await store.layers.hasLayer(chainID: seen) else {
                    throw ImageError(.internal, doing: "test", "no layer")
                }
                do {
                    let made = try await store.unpack(archive(2), above: seen)
                    try FileTree.replace(blob, with: [1], mode: 0o600)
                    let count = try await store.garbage.collect(blobsOlderThan: 0)
                    #expect(count == 1, "the one that is not seen")
                    #expect(try await store.layers.hasLayer(chainID: made))
                    #expect(FileTree.exists(blob))
                } catch {
                    throw ImageError(.internal, doing: "test", "\(error)")
                }
            }
            #expect(try await !store.layers.hasLayer(chainID: unseen))
            #expect(try await store.garbage.collect(blobsOlderThan: 0) == 2)
            #expect(!FileTree.exists(blob))
            try await store.expectNothing()
        }
    }

    @Test func partsOfBlobsAreKeptForAWhile() async throws {
        try await withStore { store in
            let part = store.root.ingest + "/part"
            try FileTree.replace(part, with: [1], mode: 0o600)
            try await store.garbage.collect()
            try await store.garbage.collect(blobsOlderThan: 60)
            #expect(FileTree.exists(part))
            try await store.garbage.collect(blobsOlderThan: 0)
            #expect(!FileTree.exists(part))
        }
    }

    /// Each is what a kill leaves at some point of unpacking, removing or preparing.
    @Test func halfDoneStatesAreSetRight() async throws {
        try await withStore { store in
            let base = try await store.unpack(archive(1))
            try await store.images.insert(store.image("a", [base], names: ["a:1"]))
            let image = try #require(try await store.images.image(matching: "a:1"))
            try await store.snapshots.prepare("good", image: image.id)
            try await store.snapshots.prepare("gone", image: image.id)
            let root = store.root

            // Unpacking: a directory in the making; one in its place, whose row was not committed.
            try FileTree.makeDirectories(root.layers + "/tmp-1/fs/a/b", mode: 0o700)
            try FileTree.makeDirectories(root.layers + "/77/fs", mode: 0o700)
            // Removal of a layer: marked; moved; partly deleted.
            let marked = try await store.unpack(archive(2))
            let moved = try await store.unpack(archive(3))
            let movedPath = try await store.path(moved)
            try await store.database.write { db in
                for chainID in [marked, moved] {
                    try db.execute(
                        sql: "UPDATE layers SET state = 'removing' WHERE chain_id = ?",
                        arguments: [chainID.hex])
                }
            }
            try FileTree.rename((movedPath as NSString).deletingLastPathComponent, to: root.trash + "/t1")
            // Preparing: files without a row. Removal of a snapshot: a row without files.
            try FileTree.makeDirectories(root.writable + "/half/upper", mode: 0o700)
            try FileTree.rename(root.writable + "/gone", to: root.trash + "/t2")

            // The daemon starts again.
            let again = try TestStore(root.path)
            let recovery = try await again.garbage.recover()
            #expect(recovery.lostImages == [] && recovery.lostSnapshots == ["gone"])
            #expect(recovery.leftovers == 4, "tmp-1, 77, the marked one and half")
            #expect(try await again.snapshots.list() == ["good"])
            #expect(try FileTree.list(root.writable) == ["good"])
            // It can be unpacked anew before the old one is deleted.
            _ = try await again.unpack(archive(2))
            try await again.garbage.collect()
            let rows = try await again.database.read { db in
                try Int64.fetchAll(db, sql: "SELECT id FROM layers").map { "\($0)" }
            }
            #expect(Set(try FileTree.list(root.layers)) == Set(rows + ["empty"]))
            #expect(rows.count == 1, "the base")
            #expect(try FileTree.list(root.trash) == [])
            // Once more changes nothing.
            #expect(try await again.garbage.recover() == ImageGarbage.Recovery())
        }
    }

    @Test func layersOfAnotherBootAreTrustedIfTheyWereSynced() async throws {
        try await withStore { store in
            let synced = try await store.unpack(archive(1))
            try await store.layers.makeDurable()
            let written = try await store.unpack(archive(2), above: synced)
            let above = try await store.unpack(archive(3), above: written)
            let kept = store.image("kept", [synced], names: ["kept:1"])
            let lost = store.image("lost", [synced, written, above], names: ["lost:1"])
            try await store.images.insert(kept)
            try await store.images.insert(lost)
            try await store.snapshots.prepare("c", image: lost.id)
            // The same boot: nothing is suspect.
            #expect(try await store.garbage.recover() == ImageGarbage.Recovery())
            try await store.database.write { db in try db.execute(sql: "UPDATE layers SET boot = 'before'") }
            let recovery = try await store.garbage.recover()
            #expect(recovery.lostImages == [lost.id] && recovery.lostSnapshots == ["c"])
            try await store.garbage.collect()
            let images = try await store.images.images()
            #expect(images.map(\.id) == [kept.id])
            #expect(try FileTree.list(store.root.layers).count == 2)
            #expect(try FileTree.list(store.root.writable) == [])
        }
    }

    @Test func oneLayerIsUnpackedOnce() async throws {
        try await withStore { store in
            let archive = archive(1)
            try await withThrowingTaskGroup(of: Digest.self) { group in
                for _ in 0..<12 { group.addTask { try await store.unpack(archive) } }
                for try await chainID in group { #expect(chainID == Digest(of: archive)) }
            }
            #expect(try FileTree.list(store.root.layers).count == 2)
            let last = try await store.database.read { db in
                try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'layers'")
            }
            #expect(last == 1)
        }
    }

    @Test func whoIsCancelledGoesAndOthersGetTheirLayer() async throws {
        var tar = TarBuilder()
        tar.add("big", content: [UInt8](repeating: 3, count: 30 << 20))
        let archive = tar.finished
        try await withStore { store in
            let cancelled = Task { try await store.unpack(archive) }
            let other = Task { try await store.unpack(archive) }
            try await Task.sleep(for: .milliseconds(50))
            cancelled.cancel()
            _ = await cancelled.result
            let chainID = try await other.value
            #expect(try await store.layers.hasLayer(chainID: chainID))
            // Nobody waits for this one: it stops, and leaves nothing.
            let alone = Task { try await store.unpack(archive, above: chainID) }
            alone.cancel()
            let error = await #expect(throws: ImageError.self) { try await alone.value }
            #expect(error?.kind == .cancelled)
            let path = store.root
            for _ in 0..<100 where try FileTree.list(path.layers).count > 2 {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try FileTree.list(path.layers).count == 2)
            // Given up, it can be had anew.
            try await store.unpack(archive, above: chainID)
        }
    }
}
