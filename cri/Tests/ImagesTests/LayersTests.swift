import Glibc
import Kernel
import Testing

@testable import Images

@Suite(.enabled(if: isRoot, "layers are unpacked as root: owners, devices, trusted.* attributes"))
struct LayersTests {
    @Test func filesHaveWhatTheirHeadersSay() async throws {
        var tar = TarBuilder()
        tar.directory("./")
        tar.directory("bin/", mode: 0o750, time: 1_111_111_111)
        tar.add(
            "bin/su", content: Array("su".utf8), mode: 0o4755, uid: 12, gid: 34,
            pax: [("mtime", Array("1234567890.123456789".utf8))])
        tar.add("bin/sh", "2", link: "/bin/../su", uid: 5, gid: 6, time: 99)
        tar.add("dev/null", "3", mode: 0o666, device: (1, 3))
        tar.add("dev/sda", "4", mode: 0o660, gid: 6, device: (8, 0))
        tar.add("run/pipe", "6", mode: 0o622)
        tar.add("bin/hard", "1", link: "bin/su")
        try await withStore { store in
            let fs = try await store.path(store.unpack(tar.finished))
            let su = try FileTree.statusOfLink(fs + "/bin/su")
            #expect(su.mode == S_IFREG | 0o4755)
            #expect(su.owner == 12 && su.group == 34)
            #expect(su.modified == Timestamp(seconds: 1_234_567_890, nanoseconds: 123_456_789))
            #expect(try text(fs + "/bin/su") == "su")
            #expect(try FileTree.statusOfLink(fs + "/bin/hard").inode == su.inode)
            let directory = try FileTree.statusOfLink(fs + "/bin")
            #expect(directory.mode == S_IFDIR | 0o750)
            #expect(directory.modified.seconds == 1_111_111_111, "set after what is in it")
            let link = try FileTree.statusOfLink(fs + "/bin/sh")
            #expect(try FileTree.readLink(fs + "/bin/sh") == "/bin/../su")
            #expect(link.owner == 5 && link.group == 6 && link.modified.seconds == 99)
            let null = try FileTree.statusOfLink(fs + "/dev/null")
            #expect(null.mode == S_IFCHR | 0o666 && null.rdev == 0x103)
            let disk = try FileTree.statusOfLink(fs + "/dev/sda")
            #expect(disk.mode == S_IFBLK | 0o660 && disk.rdev == 0x800 && disk.group == 6)
            #expect(try FileTree.statusOfLink(fs + "/run/pipe").mode == S_IFIFO | 0o622)
            // Nobody's entry.
            #expect(try FileTree.statusOfLink(fs + "/dev").mode == S_IFDIR | 0o755)
            #expect(try FileTree.list(store.root.layers).count == 2, "the layer, and `empty`")
        }
    }

    @Test func namesAreBytes() async throws {
        let long = String(repeating: "long", count: 60)
        var tar = TarBuilder()
        tar.add([0x72, 0xff, 0xfe], "0", content: [1])
        tar.add("hütte/\(long)", content: [2])
        tar.add(Array("link".utf8), "2", link: [0x72, 0xff, 0xfe])
        tar.add("pax", content: [3], pax: [("path", Array("p\u{fc}".utf8)), ("uname", Array("jörg".utf8))])
        try await withStore { store in
            let fs = try await store.path(store.unpack(tar.finished))
            let directory = try FileDescriptor.open(fs, O_RDONLY | O_DIRECTORY)
            let names = Set(try Entry.list(directory.number).map(\.name))
            #expect(
                names == [
                    RawPath([0x72, 0xff, 0xfe]), RawPath("hütte"), RawPath("link"), RawPath("p\u{fc}"),
                ])
            #expect(try Entry.readLink(RawPath("link"), in: directory.number) == [0x72, 0xff, 0xfe])
            #expect(try FileTree.read("\(fs)/hütte/\(long)") == [2])
        }
    }

    @Test func attributesAreSetAndForgedMarksAreNot() async throws {
        // cap_net_raw=ep, revision 2.
        let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
        var tar = TarBuilder()
        tar.add(
            "ping", content: [1], mode: 0o755, uid: 7,
            pax: [
                ("SCHILY.xattr.security.capability", capability),
                ("SCHILY.xattr.user.note", [0x00, 0xff]),
                ("SCHILY.xattr.trusted.overlay.metacopy", []),
            ])
        tar.add(
            "dir/", "5", mode: 0o755,
            pax: [("SCHILY.xattr.trusted.overlay.opaque", [UInt8(ascii: "y")]), ("SCHILY.xattr.user.a", [1])])
        try await withStore { store in
            let fs = try await store.path(store.unpack(tar.finished))
            #expect(try attribute("security.capability", fs + "/ping") == capability)
            #expect(try attribute("user.note", fs + "/ping") == [0x00, 0xff])
            #expect(try attribute("trusted.overlay.metacopy", fs + "/ping") == nil)
            #expect(try attribute("user.a", fs + "/dir") == [1])
            #expect(try !isOpaque(fs + "/dir"))
        }
    }

    @Test func sparseFilesKeepTheirHoles() async throws {
        // GNU.sparse.1.0: a map of one piece of 512 bytes at 8 MiB, then the piece.
        let map = Array("1\n8388608\n512\n".utf8)
        let content = map + [UInt8](repeating: 0, count: 512 - map.count) + [UInt8](repeating: 7, count: 512)
        var tar = TarBuilder()
        tar.add(
            "GNUSparseFile.0/big", content: content,
            pax: [
                ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
                ("GNU.sparse.name", Array("big".utf8)), ("GNU.sparse.realsize", Array("16777216".utf8)),
            ])
        try await withStore { store in
            let fs = try await store.path(store.unpack(tar.finished))
            let status = try FileTree.statusOfLink(fs + "/big")
            #expect(status.size == 16_777_216)
            #expect(status.blocks * 512 < 1 << 20, "it has holes")
            let bytes = try FileTree.read(fs + "/big", limit: .max)
            #expect(bytes[8_388_608..<8_389_120].allSatisfy { $0 == 7 })
            #expect(bytes.reduce(0) { $0 + Int($1) } == 7 * 512)
        }
    }

    @Test(arguments: [false, true])
    func whiteoutsInBothOrders(isMarkFirst: Bool) async throws {
        var base = TarBuilder()
        for name in ["gone", "kept/old", "again/old", "file", "all/a", "all/b"] {
            base.add(name, content: [1])
        }
        var marks = TarBuilder()
        marks.add(".wh.gone")
        marks.add("all/.wh..wh..opq")
        marks.add(".wh.again")
        marks.add(".wh.file")
        marks.add(".wh..wh.plnk/1.2", content: [1])
        var files = TarBuilder()
        files.directory("all/")
        files.add("all/c", content: [2])
        files.add("again/new", content: [2])
        files.add("file", content: [2])
        let parts = isMarkFirst ? marks.bytes + files.bytes : files.bytes + marks.bytes
        let upper = parts + [UInt8](repeating: 0, count: 1024)
        try await withStore { store in
            let below = try await store.unpack(base.finished)
            let fs = try await store.path(store.unpack(upper, above: below))
            #expect(try isWhiteout(fs + "/gone"))
            #expect(try isOpaque(fs + "/all") && FileTree.list(fs + "/all") == ["c"])
            // A directory that takes the place of a removed one shows nothing of it.
            #expect(try isOpaque(fs + "/again") && FileTree.list(fs + "/again") == ["new"])
            #expect(try FileTree.read(fs + "/file") == [2])
            #expect(Set(try FileTree.list(fs)) == ["gone", "all", "again", "file"])
        }
    }

    @Test func anOpaqueRootCutsTheChain() async throws {
        var base = TarBuilder()
        base.add("old", content: [1])
        var top = TarBuilder()
        top.add(".wh..wh..opq")
        top.add("new", content: [2])
        try await withStore { store in
            let below = try await store.unpack(base.finished)
            let chainID = try await store.unpack(top.finished, above: below)
            let layer = try await store.layers.records.layer(chainID)
            #expect(layer?.isOpaque == true)
        }
    }

    @Test func laterEntriesReplaceEarlierOnes() async throws {
        var tar = TarBuilder()
        tar.add("a/x/y", content: [1])
        tar.add("a", "2", link: "elsewhere")  // a tree by a link
        tar.add("b", content: [1])
        tar.directory("b/")  // a file by a directory
        tar.add("c", "2", link: "b")
        tar.directory("c/", mode: 0o700)  // a link by a directory
        tar.add("d", content: [1])
        tar.add("d", content: [2, 2])  // a file by a file
        tar.directory("e/", time: 5)
        tar.add("e/one", content: [1])
        tar.directory("e/", mode: 0o711, time: 7)  // a directory stays
        try await withStore { store in
            let chainID = try await store.unpack(tar.finished)
            let fs = try await store.path(chainID)
            #expect(try FileTree.readLink(fs + "/a") == "elsewhere")
            #expect(try FileTree.statusOfLink(fs + "/b").isDirectory)
            #expect(try FileTree.statusOfLink(fs + "/c").mode == S_IFDIR | 0o700)
            #expect(try FileTree.read(fs + "/d") == [2, 2])
            #expect(try FileTree.list(fs + "/e") == ["one"])
            let e = try FileTree.statusOfLink(fs + "/e")
            #expect(e.mode == S_IFDIR | 0o711 && e.modified.seconds == 7)
            // root, a, b, c, d, e, e/one
            let inodes = try await store.database.read { db in
                try Int64.fetchOne(db, sql: "SELECT inodes FROM layers")
            }
            #expect(inodes == 7)
        }
    }

    @Test func linksAreFollowedInsideOnly() async throws {
        var tar = TarBuilder()
        tar.add("etc", "2", link: "/real/etc")  // leads to nothing yet
        tar.add("etc/passwd", content: [1])
        tar.add("up", "2", link: "../../../../../../..")
        tar.add("up/here", content: [2])
        tar.add("/abs/file", content: [3])
        try await withStore { store in
            let fs = try await store.path(store.unpack(tar.finished))
            #expect(try FileTree.read(fs + "/real/etc/passwd") == [1])
            #expect(try FileTree.read(fs + "/here") == [2])
            #expect(try FileTree.read(fs + "/abs/file") == [3])
            #expect(!FileTree.exists("/real/etc/passwd") && !FileTree.exists(fs + "/../here"))
        }
    }

    @Test func missingDirectoriesAreAsBelow() async throws {
        var base = TarBuilder()
        base.add("tmp/", "5", mode: 0o1777, uid: 3, gid: 4, time: 77, pax: [("SCHILY.xattr.user.k", [9])])
        base.add("./", "5", mode: 0o711)
        base.add("srv/", "5", mode: 0o700, uid: 9)
        var top = TarBuilder()
        top.add("tmp/new", content: [1])
        top.add(".wh.srv")
        top.add("srv/new", content: [1])
        try await withStore { store in
            let below = try await store.unpack(base.finished)
            let fs = try await store.path(store.unpack(top.finished, above: below))
            let tmp = try FileTree.statusOfLink(fs + "/tmp")
            #expect(tmp.mode == S_IFDIR | 0o1777 && tmp.owner == 3 && tmp.group == 4)
            #expect(tmp.modified.seconds == 77)
            #expect(try attribute("user.k", fs + "/tmp") == [9])
            #expect(try FileTree.statusOfLink(fs).mode == S_IFDIR | 0o711)
            let srv = try FileTree.statusOfLink(fs + "/srv")
            #expect(srv.mode == S_IFDIR | 0o755 && srv.owner == 0, "the one below is gone")
        }
    }

    /// Whatever comes in between, and in whatever order.
    @Test func directoriesKeepTheirTimes() async throws {
        var below = TarBuilder()
        below.directory("c", time: 3000)
        below.directory("c/d", time: 4000)
        below.add("c/file", content: [1])
        var tar = TarBuilder()
        tar.directory("./", time: 500)
        tar.directory("a", time: 1000)
        tar.directory("b", time: 2000)
        tar.add("a/x", content: [1])
        tar.add("b/y", content: [1])
        tar.add("c/d/new", content: [1])
        tar.add("a/z", "1", link: "b/y")
        tar.add("a/below", "1", link: "c/file")
        tar.add("b/.wh.gone")
        tar.add("a/x", "2", link: "y")
        tar.add("a", "2", link: "b")
        tar.directory("a", time: 1500)
        tar.add("l", "2", link: "b")
        tar.add("l/through", content: [1])
        try await withStore { store in
            let first = try await store.unpack(below.finished)
            let fs = try await store.path(store.unpack(tar.finished, above: first))
            for (name, time) in [("", 500), ("/a", 1500), ("/b", 2000), ("/c", 3000), ("/c/d", 4000)] {
                #expect(try FileTree.statusOfLink(fs + name).modified.seconds == time, "\(name)")
            }
        }
    }

    /// What is between two directories of a name hides what is below both.
    @Test func directoriesInThePlaceOfFilesAreOpaque() async throws {
        var below = TarBuilder()
        for name in ["file", "link", "whiteout", "kept"] { below.add("\(name)/old", content: [1]) }
        var tar = TarBuilder()
        tar.add("file", content: [1])
        tar.directory("file")
        tar.add("link", "2", link: "elsewhere")
        tar.add("link", "5")
        tar.add(".wh.whiteout")
        tar.add("whiteout", content: [1])
        tar.add("whiteout/new", "5")
        tar.directory("kept")
        var again = TarBuilder()
        again.add(".wh.whiteout")
        again.add("whiteout/new", content: [1])
        try await withStore { store in
            let first = try await store.unpack(below.finished)
            await #expect(throws: ImageError.self, "a file is no directory for what is in it") {
                try await store.unpack(tar.finished, above: first)
            }
            var mended = TarBuilder()
            mended.add("file", content: [1])
            mended.directory("file")
            mended.add("link", "2", link: "elsewhere")
            mended.directory("link")
            mended.add(".wh.whiteout")
            mended.add("whiteout", content: [1])
            mended.directory("whiteout")
            mended.directory("kept")
            let fs = try await store.path(store.unpack(mended.finished, above: first))
            for name in ["file", "link", "whiteout"] { #expect(try isOpaque("\(fs)/\(name)"), "\(name)") }
            #expect(try !isOpaque("\(fs)/kept"))
            let implied = try await store.path(store.unpack(again.finished, above: first))
            #expect(try isOpaque("\(implied)/whiteout"))
        }
    }

    /// As many as there may be, with names as long as they may be.
    @Test func directoriesTakeNoMemory() async throws {
        let name = String(repeating: "n", count: 250)
        let parent = Array(repeating: name, count: 14).joined(separator: "/")
        var tar = TarBuilder()
        for index in 0..<4000 { tar.directory("\(parent)/\(index)") }
        let archive = tar.finished
        let (blob, diffID) = (gzip(archive), Digest(of: archive))
        try await withStore { store in
            let before = try Memory.restartPeak()
            try await store.unpack([], as: blob, .gzip, diffID: diffID)
            // The paths alone are 14 MB.
            #expect(try Memory.peak() - before < 10 << 20)
        }
    }

    @Test func attributesThatAreSkippedAreNamedUpToANumber() {
        var skipped = SkippedAttributes()
        for _ in 0..<2 { for index in 0..<16 { skipped.add(RawPath("user.a\(index)")) } }
        #expect(skipped.names.count == 16 && !skipped.description.hasSuffix("and others"))
        for index in 0..<1000 { skipped.add(RawPath("user.b\(index)")) }
        #expect(skipped.names.count == 16 && skipped.description.hasSuffix("user.a9 and others"))
    }

    /// A hard link to a file below takes a copy of it.
    @Test func copiesOfSparseFilesAreSparse() async throws {
        var below = TarBuilder()
        below.add("disk", content: [1, 2, 3])
        var tar = TarBuilder()
        tar.add("link", "1", link: "disk")
        try await withStore { store in
            let first = try await store.unpack(below.finished)
            let disk = try FileDescriptor.open(try await store.path(first) + "/disk", O_WRONLY)
            try disk.truncate(to: 3 << 30)
            try [9 as UInt8].withUnsafeBytes { try disk.write($0, at: 2 << 30) }
            let link = try await store.path(store.unpack(tar.finished, above: first)) + "/link"
            let status = try FileTree.statusOfLink(link)
            #expect(status.size == 3 << 30 && status.blocks < 1000, "\(status.blocks)")
            let copy = try FileDescriptor.open(link, O_RDONLY)
            #expect(try copy.read(4, from: 0) == [1, 2, 3, 0])
            #expect(try copy.read(2, from: 2 << 30) == [9, 0])
        }
    }

    @Test func copiesEndWhenNobodyWaits() throws {
        let root = try TemporaryDirectory()
        let source = try FileDescriptor.open("\(root.path)/source", O_RDWR | O_CREAT, mode: 0o600)
        try source.writeAll([UInt8](repeating: 1, count: 20 << 20))
        let copy = try FileDescriptor.open("\(root.path)/copy", O_RDWR | O_CREAT, mode: 0o600)
        var told: [Int64] = []
        var content = FileContent(of: .root) { bytes throws(ImageError) in
            told.append(bytes)
            if told.count == 2 { throw .cancelled("copy") }
        }
        content.shares = false
        #expect(throws: ImageError.self) { try content.copy(source, to: copy) }
        #expect(told == [8 << 20, 16 << 20])
        #expect(try copy.status().size == 8 << 20)
        try FileContent(of: .root) { _ in }.copy(source, to: copy)
        #expect(try copy.status().size == 20 << 20)
    }

    @Test func hardLinksReachTheLayersBelow() async throws {
        var base = TarBuilder()
        base.add("usr/bin/busybox", content: [1, 2, 3], mode: 0o4755, uid: 8, time: 55)
        base.add("gone", content: [1])
        var middle = TarBuilder()
        middle.add(".wh.gone")
        var top = TarBuilder()
        top.add("bin/ls", "1", link: "/usr/bin/busybox")
        top.add("bin/cat", "1", link: "usr/bin/busybox")
        var bad = TarBuilder()
        bad.add("back", "1", link: "gone")
        try await withStore { store in
            let first = try await store.unpack(base.finished)
            let second = try await store.unpack(middle.finished, above: first)
            let fs = try await store.path(store.unpack(top.finished, above: second))
            let copy = try FileTree.statusOfLink(fs + "/usr/bin/busybox")
            #expect(copy.mode == S_IFREG | 0o4755 && copy.owner == 8 && copy.modified.seconds == 55)
            #expect(copy.links == 3)
            #expect(try FileTree.read(fs + "/bin/ls") == [1, 2, 3])
            let error = await #expect(throws: ImageError.self) {
                try await store.unpack(bad.finished, above: second)
            }
            #expect(error?.kind == .corrupt)
            #expect(error?.description.contains("back: it is a hard link to gone") == true)
        }
    }
}
