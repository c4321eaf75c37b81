import GRDB
import Kernel
import Testing

@testable import Images

@Suite(.enabled(if: isRoot, "layers are unpacked as root"))
struct RecordsTests {
    private func layer(_ store: TestStore, _ byte: UInt8, above parent: Digest? = nil) async throws -> Digest
    {
        var tar = TarBuilder()
        tar.add("f\(byte)", content: [byte])
        return try await store.unpack(tar.finished, above: parent)
    }

    @Test func imagesAreFoundByNamesAndIDs() async throws {
        try await withStore { store in
            let base = try await layer(store, 1)
            let digest = Digest(of: [1])
            let image = store.image(
                "a", [base, try await layer(store, 2, above: base)],
                names: ["r.example:5000/app:v1", "r.example:5000/app:latest", "r.example:5000/app@\(digest)"])
            try await store.images.insert(image)
            for text in [
                "r.example:5000/app:v1", "r.example:5000/app", "r.example:5000/app@\(digest)",
                "r.example:5000/app:v9@\(digest)", image.id.description, image.id.hex,
                String(image.id.hex.prefix(5)), "sha256:" + image.id.hex.prefix(3),
            ] {
                let found = try await store.images.image(matching: text)
                #expect(found?.id == image.id, "\(text)")
            }
            for text in [
                "r.example:5000/app:v2", "app", "r.example:5000", String(image.id.hex.prefix(2)), "",
                "*", "sha256:", image.id.hex + "0", image.id.hex.uppercased(),
            ] {
                let found = try await store.images.image(matching: text)
                #expect(found == nil, "\(text)")
            }
            let record = try #require(try await store.images.image(matching: image.id.hex))
            #expect(record.tags == ["r.example:5000/app:latest", "r.example:5000/app:v1"])
            #expect(record.digests == ["r.example:5000/app@\(digest)"])
            #expect(record.config == image.config && record.manifestDigest == image.manifestDigest)
            #expect(record.size == 1000 && !record.isPinned)
            let all = try await store.images.images()
            #expect(all == [record])
            let configuration = try await store.images.configuration(image.id)
            #expect(configuration == image.config)
        }
    }

    @Test func aBeginningThatSeveralHaveIsRefused() async throws {
        try await withStore { store in
            let ids = ["abc0", "abc1"].map { Digest(hex: $0 + String(repeating: "0", count: 60))! }
            for id in ids {
                try await store.images.insert(
                    NewImage(
                        id: id, config: [], manifestDigest: id, size: 1,
                        names: ["\(id.hex.prefix(4)):latest"],
                        chainIDs: []))
            }
            let error = await #expect(throws: ImageError.self) {
                try await store.images.image(matching: "abc")
            }
            #expect(error?.kind == .invalid)
            let found = try await store.images.image(matching: "abc1")
            #expect(found?.id == ids[1])
        }
    }

    /// A database as the first version wrote it.
    @Test func olderDatabasesAreTaken() async throws {
        let root = try TemporaryDirectory()
        var migrator = DatabaseMigrator()
        ImagesSchema.register(in: &migrator)
        let pool = try DatabasePool(path: "\(root.path)/state.db")
        try migrator.migrate(pool, upTo: "images-1")
        let id = Digest(of: [1])
        try await pool.write { db in
            try db.execute(
                sql: """
                    INSERT INTO images VALUES ('\(id.hex)', '{}', '\(id.hex)', 10, 1, 0);
                    INSERT INTO image_references VALUES ('a:1', '\(id.hex)');
                    INSERT INTO layers VALUES (1, '\(id.hex)', '\(id.hex)', NULL, 4096, 7, 0, 'durable', 'boot');
                    INSERT INTO image_layers VALUES ('\(id.hex)', 0, 1);
                    """)
        }
        try pool.close()
        let database = try StateDatabase.open("\(root.path)/state.db", migrator: migrator)
        let records = ImageRecords(root: ImageRoot(root.path), database: database)
        let image = try #require(try await records.images().first)
        #expect(
            image.id == id && image.handlers == [""] && image.annotations.isEmpty && image.tags == ["a:1"])
        let layers = LayerRecords(database: ImageDatabase(pool: database))
        let totals = LayerTotals(of: try await layers.chain(upTo: id))
        #expect(totals.entries == 7 && totals.bytes == 4096 && totals.archiveBytes == 0)
        #expect(try await records.remove(matching: "a:1") == id)
    }

    @Test func noNameStandsBeforeAnID() async throws {
        try await withStore { store in
            let image = store.image("real", [], names: ["real:1"])
            let names = [
                "docker.io/library/sha256:\(image.id.hex)", "\(image.id.hex):latest",
                "sha256:\(image.id.hex)",
            ]
            let other = store.image("other", [], names: names)
            try await store.images.insert(image)
            try await store.images.insert(other)
            for text in [image.id.hex, image.id.description] {
                #expect(try await store.images.image(matching: text)?.id == image.id, "\(text)")
            }
            try await store.images.remove(matching: image.id.description)
            #expect(try await store.images.images().map(\.id) == [other.id])
        }
    }

    /// An image stays as long as it is wanted with one runtime handler.
    @Test func handlersAreNotedAndRemoved() async throws {
        try await withStore { store in
            var image = store.image("a", [], names: ["a:1"])
            image.handler = "crun"
            try await store.images.insert(image)
            func handlers() async throws -> [String]? {
                try await store.images.image(matching: "a:1")?.handlers
            }
            #expect(try await handlers() == ["crun"])
            try await store.images.add(handler: "", to: image.id)
            try await store.images.add(handler: "runc", to: image.id)
            try await store.images.add(handler: "runc", to: Digest(of: [1]))
            #expect(try await handlers() == ["", "crun", "runc"])
            #expect(try await store.images.images().map(\.handlers) == [["", "crun", "runc"]])
            for handler in ["never", "crun", ""] {
                #expect(try await store.images.remove(matching: "a:1", handler: handler) == nil)
            }
            #expect(try await handlers() == ["runc"])
            #expect(try await store.images.remove(matching: "a:1", handler: "runc") == image.id)
            try await store.images.insert(image)
            #expect(try await handlers() == ["crun"])
            // Whoever names none means it whole.
            #expect(try await store.images.remove(matching: "a:1") == image.id)
        }
    }

    @Test func annotationsAreTheManifestsUpToASize() async throws {
        let manifest = Array(#"{"schemaVersion":2,"annotations":{"b":"2","a":"1"},"layers":[]}"#.utf8)
        #expect(ImageAnnotations.of(manifest) == ["a": "1", "b": "2"])
        for none in [#"{}"#, #"{"annotations":null}"#, #"{"annotations":{"a":1}}"#] {
            #expect(ImageAnnotations.of(Array(none.utf8)) == [:])
        }
        let long = String(repeating: "x", count: 10_000)
        let large = Array(#"{"annotations":{"a":"\#(long)","b":"\#(long)"}}"#.utf8)
        #expect(Array(ImageAnnotations.of(large).keys) == ["a"])
        try await withStore { store in
            var image = store.image("a", [], names: ["a:1"])
            image.annotations = ["a": "\"1\""]
            try await store.images.insert(image)
            #expect(try await store.images.image(matching: "a:1")?.annotations == ["a": "\"1\""])
            image.annotations = [:]
            try await store.images.insert(image)
            #expect(try await store.images.images().map(\.annotations) == [[:]])
        }
    }

    @Test func aTagMovesToTheImagePulledLast() async throws {
        try await withStore { store in
            let base = try await layer(store, 1)
            let old = store.image("old", [base], names: ["app:latest", "app:v1"])
            let new = store.image("new", [base], names: ["app:latest"])
            try await store.images.insert(old)
            try await store.images.insert(new)
            let (latest, first) = (
                try await store.images.image(matching: "app"),
                try await store.images.image(matching: "app:v1")
            )
            #expect(latest?.id == new.id && latest?.tags == ["app:latest"])
            #expect(first?.id == old.id && first?.tags == ["app:v1"])
            // A further name for one that is there.
            try await store.images.insert(store.image("old", [base], names: ["app:v0"]))
            let again = try await store.images.image(matching: "app:v0")
            #expect(again?.id == old.id && again?.tags == ["app:v0", "app:v1"])
            #expect(again?.created == first?.created)
        }
    }

    @Test func removalByOneNameRemovesAll() async throws {
        try await withStore { store in
            let image = store.image("a", [try await layer(store, 1)], names: ["a:1", "a:2"])
            try await store.images.insert(image)
            let removed = try await store.images.remove(matching: "a:2")
            #expect(removed == image.id)
            let (again, left) = (
                try await store.images.remove(matching: "a:2"), try await store.images.images()
            )
            #expect(again == nil && left == [])
        }
    }

    @Test func anImageWithoutItsLayersIsNotRecorded() async throws {
        try await withStore { store in
            let error = await #expect(throws: ImageError.self) {
                try await store.images.insert(store.image("a", [Digest(of: [0])], names: ["a:1"]))
            }
            #expect(error?.kind == .unavailable)
            let left = try await store.images.images()
            #expect(left == [])
        }
    }

    @Test func pins() async throws {
        try await withStore { store in
            try await store.images.insert(store.image("a", [], names: ["a:1"]))
            try await store.images.setPinned(true, matching: "a:1")
            // A pull does not unpin.
            try await store.images.insert(store.image("a", [], names: ["a:1"]))
            let pinned = try await store.images.image(matching: "a:1")
            #expect(pinned?.isPinned == true)
            let error = await #expect(throws: ImageError.self) {
                try await store.images.setPinned(true, matching: "b:1")
            }
            #expect(error?.kind == .notFound)
        }
    }

    @Test func shortNamesAreDockerHubs() async throws {
        try await withStore { store in
            let image = store.image("a", [], names: ["docker.io/library/app:latest"])
            try await store.images.insert(image)
            for text in ["app", "app:latest", "library/app", "docker.io/app", "index.docker.io/library/app"] {
                let found = try await store.images.image(matching: text)
                #expect(found?.id == image.id, "\(text)")
            }
            let other = try await store.images.image(matching: "r.example/library/app")
            #expect(other == nil)
        }
    }

    @Test(arguments: ["", "-", "r.io/x:bad tag", "r.io/x@sha256:short", "r.io/UPPER", "sha256:", "*"])
    func whatIsNoNameIsRefused(_ text: String) {
        let error = #expect(throws: ImageError.self) { try ImageNames.check(text) }
        #expect(error?.kind == .invalid)
    }

    @Test func idsAndTheirBeginningsAreNames() throws {
        let hex = Digest(of: [1]).hex
        for text in [hex, "sha256:" + hex, String(hex.prefix(3)), "r.io/x@sha256:" + hex, "x"] {
            try ImageNames.check(text)
        }
    }

    @Test func usageIsWhatTheDiskHas() async throws {
        try await withStore { store in
            var tar = TarBuilder()
            tar.add("d/big", content: [UInt8](repeating: 1, count: 100_000))
            tar.add("d/same", "1", link: "d/big")
            let fs = try await store.path(store.unpack(tar.finished))
            let usage = try await store.images.usage()
            let measured = try TreeUsage.measure(fs, check: {})
            #expect(usage.inodes == 3 && measured.inodes == 3, "root, d and a file with two names")
            #expect(usage.bytes == measured.bytes && usage.bytes > 100_000)
            try FileTree.replace(
                store.root.ingest + "/part", with: [UInt8](repeating: 1, count: 8192), mode: 0o600)
            let more = try await store.images.usage()
            #expect(more.bytes == usage.bytes + 8192 && more.inodes == 4)
        }
    }
}
