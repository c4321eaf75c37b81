import Kernel
import Testing

@testable import Images

@Suite(.enabled(if: isRoot, "layers are unpacked as root: owners, devices, trusted.* attributes"))
struct ArchiveTests {
    /// An archive that is larger than the buffers.
    static let archive: [UInt8] = {
        var tar = TarBuilder()
        var random = SystemRandomNumberGenerator()
        tar.add("noise", content: (0..<700_000).map { _ in UInt8.random(in: 0...255, using: &random) })
        tar.add("text", content: Array(repeating: UInt8(ascii: "a"), count: 700_001))
        return tar.finished
    }()

    private func unpacks(_ blob: [UInt8], _ compression: LayerCompression) async throws {
        try await withStore { store in
            let fs = try await store.path(store.unpack(Self.archive, as: blob, compression))
            #expect(try FileTree.statusOfLink(fs + "/noise").size == 700_000)
            let text = try FileTree.read(fs + "/text")
            #expect(text.count == 700_001 && text.allSatisfy { $0 == UInt8(ascii: "a") })
        }
    }

    private func isRefused(_ blob: [UInt8], _ compression: LayerCompression, _ words: String) async throws {
        try await withStore { store in
            let error = await #expect(throws: ImageError.self) {
                try await store.unpack(Self.archive, as: blob, compression)
            }
            #expect(error?.kind == .corrupt)
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
            try await store.expectNothing()
        }
    }

    @Test func compressions() async throws {
        try await unpacks(Self.archive, .none)
        try await unpacks(gzip(Self.archive), .gzip)
        try await unpacks(zstd(Self.archive), .zstd)
    }

    @Test func severalMembersAndFrames() async throws {
        let (head, tail) = (Array(Self.archive[..<300_000]), Array(Self.archive[300_000...]))
        try await unpacks(gzip(head) + gzip([]) + gzip(tail), .gzip)
        // A skippable frame, as zstd:chunked has one at the end.
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
        try await unpacks(zstd(head) + zstd(tail) + skippable, .zstd)
    }

    @Test func cutStreams() async throws {
        let (gzipped, zstandard) = (gzip(Self.archive), zstd(Self.archive))
        try await isRefused(Array(gzipped.dropLast(5)), .gzip, "cut short")
        try await isRefused(Array(gzipped[..<300_000]), .gzip, "cut short")
        try await isRefused(gzipped + [0x1f, 0x8b], .gzip, "cut short")
        try await isRefused([], .gzip, "cut short")
        try await isRefused(Array(zstandard.dropLast(5)), .zstd, "cut short")
        try await isRefused(Array(Self.archive[..<300_000]), .none, "runcated")
    }

    @Test func brokenStreams() async throws {
        var flipped = gzip(Self.archive)
        flipped[flipped.count - 6] ^= 1
        try await isRefused(flipped, .gzip, "incorrect data check")
        try await isRefused(gzip(Self.archive) + Array("garbage".utf8), .gzip, "incorrect header check")
        try await isRefused(Self.archive, .gzip, "incorrect header check")
        try await isRefused(gzip(Self.archive), .zstd, "decompress zstd")
        try await isRefused(zstd(Self.archive) + Array("garbage".utf8), .zstd, "decompress zstd")
        try await isRefused(gzip(Self.archive), .none, "nrecognized archive format")
    }

    /// What stands behind an archive's end is part of what the diffID is of.
    @Test func paddingBehindTheEndIsHashed() async throws {
        let padded = Self.archive + [UInt8](repeating: 0, count: 9000) + Array("anything".utf8)
        try await withStore { store in
            try await store.unpack(padded, as: gzip(padded), .gzip)
            await #expect(throws: ImageError.self) {
                try await store.unpack(Self.archive, as: gzip(padded), .gzip)
            }
        }
    }

    /// As umoci(1) writes layers: with the last file's content, the archive is over.
    @Test func archivesWithoutPadding() async throws {
        let padding = (512 - 700_001 % 512) % 512
        for missing in [1024, 1024 + padding / 2, 1024 + padding] {
            let cut = Array(Self.archive.dropLast(missing))
            try await withStore { store in
                let fs = try await store.path(store.unpack(cut, as: gzip(cut), .gzip))
                #expect(try FileTree.read(fs + "/text").count == 700_001)
            }
        }
        try await isRefused(Array(Self.archive.dropLast(1024 + padding + 1)), .none, "runcated")
    }

    @Test func emptyArchives() async throws {
        try await withStore { store in
            for empty in [[], [UInt8](repeating: 0, count: 1024)] as [[UInt8]] {
                let fs = try await store.path(store.unpack(empty, as: gzip(empty), .gzip))
                #expect(try FileTree.list(fs) == [])
            }
        }
    }

    @Test func rawPathsAreShownLegibly() {
        #expect(RawPath("hütte").description == "hütte")
        #expect(RawPath([0x61, 0xff, 0x0a]).description == "a\\xff\\x0a")
    }
}
