import Glibc
import Kernel
import Testing

@testable import Images

/// Archives that are refused, and that leave nothing.
@Suite(.enabled(if: isRoot, "layers are unpacked as root: owners, devices, trusted.* attributes"))
struct LayersRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: String
        let archive: [UInt8]

        init(_ name: String, _ words: String, _ build: (inout TarBuilder) -> Void) {
            testDescription = name
            self.words = words
            var tar = TarBuilder()
            tar.add("first", content: [1])
            build(&tar)
            archive = tar.finished
        }
    }

    static let hostile: [Case] = [
        Case("dots", "has .. in its path") { $0.add("../evil", content: [1]) },
        Case("dots inside", "has .. in its path") { $0.add("a/../../evil", content: [1]) },
        Case("dots and a slash", "has .. in its path") { $0.add("/../../evil", content: [1]) },
        Case("hard link out", "has .. in its path") { $0.add("l", "1", link: "../../../../etc/shadow") },
        Case("hard link to the host's file", "neither here nor in a layer below") {
            $0.add("l", "1", link: "/etc/hostname")
        },
        Case("hard link by a link", "neither here nor in a layer below") {
            $0.add("conf", "2", link: "/etc")
            $0.add("l", "1", link: "conf/hostname")
        },
        Case("hard link to a directory", "a hard link to a directory") {
            $0.directory("d")
            $0.add("l", "1", link: "d")
        },
        Case("forged whiteout", "a device 0:0") { $0.add("dev", "3", device: (0, 0)) },
        Case("whiteout of nothing", "a whiteout of") { $0.add("d/.wh.") },
        Case("whiteout of the parent", "a whiteout of") { $0.add("d/.wh...") },
        Case("file as a directory", "is not a directory") { $0.add("first/x", content: [1]) },
        Case("links in a circle", "ELOOP") {
            $0.add("a", "2", link: "b")
            $0.add("b", "2", link: "a")
            $0.add("a/x", content: [1])
        },
        Case("long name", "ENAMETOOLONG") { $0.add(String(repeating: "n", count: 300), content: [1]) },
        Case("root as a file", "only a directory can be the root") { $0.add("./", "2", link: "/etc") },
        Case("owner that is none", "uid is") {
            $0.add("x", content: [1], pax: [("uid", Array("4294967295".utf8))])
        },
    ]

    @Test(arguments: hostile)
    func hostileArchives(_ test: Case) async throws {
        try await withStore { store in
            let error = await #expect(throws: ImageError.self) { try await store.unpack(test.archive) }
            #expect(error?.kind == .corrupt)
            #expect(error?.description.contains(test.words) == true, "\(String(describing: error))")
            try await store.expectNothing()
        }
    }

    @Test func limits() async throws {
        var entries = TarBuilder()
        for index in 0..<20 { entries.add("f\(index)") }
        var implied = TarBuilder()
        implied.add((0..<20).map { "d\($0)" }.joined(separator: "/") + "/f")
        var deep = TarBuilder()
        deep.add(Array(repeating: "d", count: 30).joined(separator: "/"))
        var deepByLinks = TarBuilder()
        deepByLinks.add("l", "2", link: Array(repeating: "x", count: 20).joined(separator: "/"))
        deepByLinks.add("l/" + Array(repeating: "d", count: 8).joined(separator: "/"))
        var long = TarBuilder()
        long.add(Array(repeating: String(repeating: "n", count: 200), count: 6).joined(separator: "/"))
        var big = TarBuilder()
        big.add("big", content: [UInt8](repeating: 1, count: 300_000))
        let cases: [(String, UnpackLimits, TarBuilder)] = [
            ("entries", UnpackLimits(entries: 10), entries),
            ("entries", UnpackLimits(entries: 10), implied),
            ("depth", UnpackLimits(depth: 25), deep),
            ("depth", UnpackLimits(depth: 25), deepByLinks),
            ("pathBytes", UnpackLimits(pathBytes: 1000), long),
            ("layerBytes", UnpackLimits(layerBytes: 200_000), big),
            ("imageBytes", UnpackLimits(imageBytes: 200_000), big),
        ]
        for (name, limits, tar) in cases {
            try await withStore(limits: limits) { store in
                let error = await #expect(throws: ImageError.self) { try await store.unpack(tar.finished) }
                #expect(error?.kind == .exhausted)
                #expect(
                    error?.description.contains("the limit \(name) is") == true,
                    "\(String(describing: error))")
                try await store.expectNothing()
            }
        }
    }

    /// libarchive keeps the map of a sparse file, ten times as large as it is in the archive.
    @Test(arguments: [true, false])
    func mapsOfSparseFilesTakeNoMemory(isOld: Bool) async throws {
        var tar = TarBuilder()
        if isOld {
            tar.oldSparse("f", blocks: 100_000)
        } else {
            tar.paxSparse("f", extents: 10_000_000)
        }
        let archive = tar.finished
        let blob = gzip(archive)
        try await withStore { store in
            let before = try Memory.restartPeak()
            let error = await #expect(throws: ImageError.self) {
                try await store.unpack(archive, as: blob, .gzip)
            }
            #expect(error?.kind == .exhausted)
            #expect(
                error?.description.contains("the limit headerBytes is 1048576") == true,
                "\(String(describing: error))")
            // Without the limit they take 400 MB and 50 MB.
            #expect(try Memory.peak() - before < 40 << 20)
            try await store.expectNothing()
        }
    }

    @Test func ordinarySparseFilesAreTaken() async throws {
        var tar = TarBuilder()
        tar.oldSparse("old", blocks: 100)
        tar.paxSparse("new", extents: 1000)
        tar.add("after", content: [1])
        try await withStore { store in
            let fs = try await store.path(store.unpack(tar.finished))
            #expect(try FileTree.statusOfLink(fs + "/old").size == 512)
            let new = try FileTree.statusOfLink(fs + "/new")
            #expect(new.size == 4096 && new.blocks == 0)
            #expect(FileTree.exists(fs + "/after"))
        }
    }

    @Test(arguments: [LayerCompression.gzip, .zstd])
    func bombs(_ compression: LayerCompression) async throws {
        var tar = TarBuilder()
        tar.add("zeros", content: [UInt8](repeating: 0, count: 8 << 20))
        let archive = tar.finished
        let blob = compression == .gzip ? gzip(archive) : zstd(archive)
        try await withStore(limits: UnpackLimits(ratio: 100, ratioFloor: 1 << 20)) { store in
            let error = await #expect(throws: ImageError.self) {
                try await store.unpack(archive, as: blob, compression)
            }
            #expect(error?.kind == .exhausted)
            #expect(error?.description.contains("the limit ratio is 100") == true)
            try await store.expectNothing()
        }
        // Below the floor anything goes.
        try await withStore(limits: UnpackLimits(ratio: 100, ratioFloor: 16 << 20)) { store in
            try await store.unpack(archive, as: blob, compression)
        }
    }

    @Test func theSumOfAnImagesLayersIsLimited() async throws {
        var tar = TarBuilder()
        tar.add("big", content: [UInt8](repeating: 1, count: 300_000))
        try await withStore(limits: UnpackLimits(imageBytes: 500_000)) { store in
            let below = try await store.unpack(tar.finished)
            let error = await #expect(throws: ImageError.self) {
                try await store.unpack(tar.finished, above: below)
            }
            #expect(error?.description.contains("the limit imageBytes is 500000") == true)
            #expect(try FileTree.list(store.root.layers).count == 2)
        }
    }

    /// Whoever may have a layer of a certain size may not have five hundred of them.
    @Test func limitsAreOfTheWholeImage() async throws {
        var files = TarBuilder()
        for index in 0..<10 { files.add("f\(index)") }
        var zeros = TarBuilder()
        // Without a trace on the disk: each takes the other's place.
        for _ in 0..<4 { zeros.add("zeros", content: [UInt8](repeating: 0, count: 1 << 20)) }
        let cases: [(String, UnpackLimits, TarBuilder)] = [
            ("entries", UnpackLimits(entries: 25), files),
            ("imageBytes", UnpackLimits(imageBytes: 9 << 20), zeros),
            ("ratio", UnpackLimits(ratio: 100, ratioFloor: 9 << 20), zeros),
        ]
        for (name, limits, tar) in cases {
            try await withStore(limits: limits) { store in
                let blob = gzip(tar.finished)
                let one = try await store.unpack(tar.finished, as: blob, .gzip)
                let two = try await store.unpack(tar.finished, as: blob, .gzip, above: one)
                let error = await #expect(throws: ImageError.self) {
                    try await store.unpack(tar.finished, as: blob, .gzip, above: two)
                }
                #expect(error?.kind == .exhausted)
                #expect(
                    error?.description.contains("the limit \(name) is") == true,
                    "\(String(describing: error))")
                #expect(try FileTree.list(store.root.layers).count == 3)
            }
        }
    }

    @Test func aWrongDiffIDIsRefused() async throws {
        var tar = TarBuilder()
        tar.add("f", content: [1])
        try await withStore { store in
            let error = await #expect(throws: ImageError.self) {
                try await store.unpack(tar.finished, diffID: Digest(of: [1, 2, 3]))
            }
            #expect(error?.kind == .corrupt)
            #expect(
                error?.description.contains("its archive has the digest \(Digest(of: tar.finished))") == true)
            try await store.expectNothing()
        }
    }

    @Test func aFullDiskIsSaidSo() throws {
        let error = ImageError(
            .init("write file", .init(ENOSPC)),
            unpacking: try EntryPath(
                cleaning: Array("a".utf8), what: "the entry", limits: UnpackLimits()))
        #expect(error.kind == .exhausted)
    }
}
