import Foundation
import Glibc
import Kernel
import Testing

@testable import Images

@Suite(.enabled(if: isRoot, "mounts, owners and layers are root's"))
struct SnapshotsTests {
    /// Does `body` in a mount namespace of its own, on a thread of its own: the others do not notice.
    private func inPrivateMounts(_ directory: String, _ body: @escaping @Sendable () throws -> Void)
        async throws
    {
        let outcome: Result<Void, any Error> = await withCheckedContinuation { continuation in
            Thread {
                do {
                    var failure: (any Error)?
                    try PrivateMounts.within(binding: directory, movesRoot: false) {
                        do { try body() } catch { failure = error }
                    }
                    if let failure { throw failure }
                    continuation.resume(returning: .success(()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }.start()
        }
        try outcome.get()
    }

    private func layers(_ store: TestStore) async throws -> [Digest] {
        var base = TarBuilder()
        base.add("./", "5", mode: 0o751)
        base.add("gone", content: [1])
        base.add("dir/old", content: [1])
        base.add("below", content: Array("below".utf8), uid: 3)
        var top = TarBuilder()
        top.add(".wh.gone")
        top.add("dir/.wh..wh..opq")
        top.add("dir/new", content: [2])
        let first = try await store.unpack(base.finished)
        return [first, try await store.unpack(top.finished, above: first)]
    }

    @Test func anOverlayShowsWhatTheImageIs() async throws {
        try await withStore { store in
            let chain = try await layers(store)
            let image = store.image("a", chain, names: ["a:1"])
            try await store.images.insert(image)
            try await store.snapshots.prepare("c", image: image.id)
            let root = store.root
            var paths: [String] = []
            for chainID in chain.reversed() { paths.append(try await store.path(chainID)) }
            let lowers = paths
            for byText in [false, true] {
                try await inPrivateMounts(root.path) {
                    let target = root.path + "/target"
                    try FileTree.makeDirectories(target, mode: 0o700)
                    let mount = SnapshotMount(
                        root: root, id: "c", layers: lowers, isWritable: true, options: SnapshotMountOptions()
                    )
                    if byText {
                        try mount.attachByText(lowers, at: target)
                    } else {
                        try mount.attach(at: target)
                    }
                    #expect(try FileTree.status(target).mode == S_IFDIR | 0o751)
                    #expect(Set(try FileTree.list(target)).isSuperset(of: ["below", "dir"]))
                    #expect(!FileTree.exists(target + "/gone"))
                    #expect(try FileTree.list(target + "/dir") == ["new"])
                    #expect(try text(target + "/below") == "below")
                    try FileTree.replace(target + "/written-\(byText)", with: [1], mode: 0o644)
                }
            }
            #expect(Set(try FileTree.list(root.upper("c"))) == ["written-false", "written-true"])
            let usage = try await store.snapshots.usage("c")
            #expect(usage.inodes == 3)
        }
    }

    @Test func viewsAreReadOnly() async throws {
        try await withStore { store in
            let chain = try await layers(store)
            let base = try await store.path(chain[0])
            let root = store.root
            for lowers in [[base], []] {
                try await inPrivateMounts(root.path) {
                    let target = root.path + "/target"
                    try FileTree.makeDirectories(target, mode: 0o700)
                    try SnapshotMount(
                        root: root, id: "v", layers: lowers, isWritable: false,
                        options: SnapshotMountOptions()
                    ).attach(at: target)
                    #expect(try FileTree.list(target).count == (lowers.isEmpty ? 0 : 3))
                    let error = #expect(throws: (any Error).self) {
                        try FileTree.makeDirectory(target + "/x", mode: 0o700)
                    }
                    #expect("\(error!)".contains("EROFS"))
                }
            }
        }
    }

    // One after another: a process may make one user namespace at a time (Child.holdUserNamespace).
    @Test(.serialized, arguments: [false, true])
    func layersWithMappedIDs(attachesLayers: Bool) async throws {
        try await withStore { store in
            let chain = try await layers(store)
            let image = store.image("a", chain, names: ["a:1"])
            try await store.images.insert(image)
            let ranges = [IDRange(containerID: 0, hostID: 100_000, count: 65536)]
            try await store.snapshots.prepare(
                "c", image: image.id, idMaps: IDMaps(uids: ranges, gids: ranges))
            #expect(try FileTree.status(store.root.upper("c")).owner == 100_000)
            var paths: [String] = []
            for chainID in chain.reversed() { paths.append(try await store.path(chainID)) }
            let (root, lowers) = (store.root, paths)
            try await inPrivateMounts(root.path) {
                let namespace = try UserNamespace.make(uids: "0 100000 65536", gids: "0 100000 65536")
                let target = root.path + "/target"
                try FileTree.makeDirectories(target, mode: 0o700)
                var options = SnapshotMountOptions()
                options.userNamespace = "/proc/self/fd/\(namespace.number)"
                var mount = SnapshotMount(
                    root: root, id: "c", layers: lowers, isWritable: true, options: options)
                mount.attachesMappedLayers = attachesLayers
                try mount.attach(at: target)
                #expect(try FileTree.status(target + "/below").owner == 100_003)
                #expect(try FileTree.status(target + "/dir/new").group == 100_000)
                #expect(try FileTree.status(target).owner == 100_000)
                #expect(try FileTree.list(root.mapped) == [])
            }
        }
    }

    @Test func mountsWantWhatTheSnapshotWasPreparedFor() async throws {
        try await withStore { store in
            let image = store.image("a", [], names: ["a:1"])
            try await store.images.insert(image)
            let ranges = [IDRange(containerID: 0, hostID: 100_000, count: 10)]
            try await store.snapshots.prepare(
                "mapped", image: image.id, idMaps: IDMaps(uids: ranges, gids: ranges))
            try await store.snapshots.prepareView("view", image: image.id)
            let options = SnapshotMountOptions(userNamespace: "/proc/self/ns/user")
            for (id, options) in [("mapped", SnapshotMountOptions()), ("view", options)] {
                let error = await #expect(throws: ImageError.self) {
                    try await store.snapshots.mount(id, at: "/nowhere", options)
                }
                #expect(error?.kind == .invalid)
            }
            let none = await #expect(throws: ImageError.self) {
                try await store.snapshots.mount("none", at: "/nowhere")
            }
            #expect(none?.kind == .notFound)
        }
    }

    @Test func preparationIsAllOrNothing() async throws {
        try await withStore { store in
            let image = store.image("a", [], names: ["a:1"])
            let missing = await #expect(throws: ImageError.self) {
                try await store.snapshots.prepare("c", image: image.id)
            }
            #expect(missing?.kind == .notFound)
            try await store.images.insert(image)
            for id in ["", ".", "..", "a/b", ".hidden"] {
                let error = await #expect(throws: ImageError.self) {
                    try await store.snapshots.prepare(id, image: image.id)
                }
                #expect(error?.kind == .invalid)
            }
            let unmapped = IDMaps(uids: [IDRange(containerID: 1, hostID: 5, count: 9)], gids: [])
            let error = await #expect(throws: ImageError.self) {
                try await store.snapshots.prepare("c", image: image.id, idMaps: unmapped)
            }
            #expect(error?.description.contains("uids have nothing for 0") == true)
            #expect(try FileTree.list(store.root.writable) == [])

            try await store.snapshots.prepare("c", image: image.id)
            let twice = await #expect(throws: ImageError.self) {
                try await store.snapshots.prepare("c", image: image.id)
            }
            #expect(twice?.kind == .invalid)
            try await store.snapshots.remove("c")
            try await store.snapshots.remove("c")
            #expect(try FileTree.list(store.root.writable) == [])
            try await store.snapshots.prepare("c", image: image.id)
        }
    }

    /// Deeper than any path can be, and than there are descriptors.
    @Test func mountsThatAKilledDaemonLeftAreTakenAway() async throws {
        try await withStore { store in
            let root = store.root
            try await inPrivateMounts(root.path) {
                for name in ["x/0", "x/1", "y"] {
                    try FileTree.makeDirectories("\(root.mapped)/\(name)", mode: 0o700)
                }
                let mount = root.mapped + "/x/0"
                try MountTree.mount("tmpfs", source: "test", at: mount, flags: 0, data: "size=4k")
                try FileTree.replace(mount + "/file", with: [1], mode: 0o600)
                try SnapshotMount.clearMapped(root)
                #expect(try FileTree.list(root.mapped) == [])
            }
        }
    }

    @Test func treesOfAnyWidthAreMeasured() throws {
        let root = try TemporaryDirectory()
        for index in 0..<120 {
            try root.write("tree/d\(index)/file", "text")
            if index % 3 == 0 { for one in 0..<5 { try root.write("tree/d\(index)/e\(one)/file", "text") } }
        }
        for index in 0..<100 {
            try FileManager.default.linkItem(
                atPath: "\(root.path)/tree/d1/file", toPath: "\(root.path)/tree/d2/link\(index)")
        }
        let usage = try TreeUsage.measure("\(root.path)/tree", check: {})
        #expect(usage.inodes == 1 + 120 * 2 + 40 * 5 * 2)
    }

    /// The whole is not given up for it.
    @Test(arguments: [true, false])
    func whatVanishesMeanwhileIsLeftOut(isMoved: Bool) throws {
        let root = try TemporaryDirectory()
        for name in ["a", "b", "c"] { try root.write("tree/\(name)/inner/deep/file", "text") }
        var asked = 0
        var failure: (any Error)?
        let usage = try TreeUsage.measure("\(root.path)/tree") {
            asked += 1
            // The walk is in `deep` of one of them.
            guard asked == 4 else { return }
            do {
                let names = try root.names(in: "tree").filter { name in
                    let path = "\(root.path)/tree/\(name)/inner/deep"
                    return
                        (try? FileTree.list("/proc/self/fd").contains { descriptor in
                            (try? FileManager.default.destinationOfSymbolicLink(
                                atPath: "/proc/self/fd/\(descriptor)")) == path
                        }) == true
                }
                let name = try #require(names.first)
                if isMoved {
                    try FileTree.rename("\(root.path)/tree/\(name)", to: "\(root.path)/moved")
                } else {
                    try FileManager.default.removeItem(atPath: "\(root.path)/tree/\(name)")
                }
            } catch {
                failure = error
            }
        }
        #expect(failure == nil)
        // The root; what had been seen of the one; all of the two others.
        #expect(usage.inodes == (isMoved ? 1 + 4 + 8 : 1 + 3 + 8))
    }

    /// Programs in containers may have CAP_LINUX_IMMUTABLE.
    @Test func flagsDoNotKeepAnythingFromBeingDeleted() async throws {
        try await withStore { store in
            let victim = store.root.writable + "/c"
            for name in ["upper/d/e", "upper/empty", "work"] {
                try FileTree.makeDirectories("\(victim)/\(name)", mode: 0o700)
            }
            for name in ["upper/d/file", "upper/d/e/log", "upper/free"] {
                try FileTree.replace("\(victim)/\(name)", with: [1], mode: 0o600)
            }
            for (name, flag) in [
                ("upper/d/file", FileFlags.immutable), ("upper/d/e/log", .appendOnly),
                ("upper/d/e", .immutable), ("upper/empty", .immutable), ("upper/d", .appendOnly),
                ("upper", .immutable),
            ] {
                let file = try FileDescriptor.open("\(victim)/\(name)", O_RDONLY)
                try FileFlags(of: file.number).union(flag).set(on: file.number)
            }
            let trash = Trash(store.root)
            #expect(try trash.take(victim))
            try trash.empty()
            #expect(try FileTree.list(store.root.trash) == [])
        }
    }

    @Test func whatCannotBeDeletedKeepsNothingElse() async throws {
        try await withStore { store in
            let root = store.root
            for name in ["t1/d/mount", "t1/d/e", "t2/d"] {
                try FileTree.makeDirectories("\(root.trash)/\(name)", mode: 0o700)
            }
            // So many that some come after it, in whatever order they are.
            let files = (0..<40).flatMap { ["t1/d/a\($0)", "z\($0)"] }
            for name in ["t1/d/e/b", "t2/d/file"] + files {
                try FileTree.replace("\(root.trash)/\(name)", with: [1], mode: 0o600)
            }
            try await inPrivateMounts(root.path) {
                let mount = root.trash + "/t1/d/mount"
                try MountTree.mount("tmpfs", source: "test", at: mount, flags: 0, data: "size=4k")
                let error = #expect(throws: ImageError.self) { try Trash(root).empty() }
                #expect(error?.failure.errno?.rawValue == EBUSY, "\(String(describing: error))")
                // What holds it is not touched, and neither is what that is in.
                let left = try FileManager.default.subpathsOfDirectory(atPath: root.trash)
                #expect(left.count == 2 && left.contains { $0.hasSuffix("/mount") }, "\(left)")
            }
            // The mount has gone with its namespace.
            try Trash(root).empty()
            #expect(try FileTree.list(root.trash) == [])
        }
    }

    @Test func treesOfAnyDepthAreMeasuredAndRemoved() async throws {
        try await withStore { store in
            let image = store.image("a", [], names: ["a:1"])
            try await store.images.insert(image)
            try await store.snapshots.prepare("c", image: image.id)
            let (depth, name) = (3000, RawPath("d"))
            var current = try FileDescriptor.directory(store.root.upper("c"))
            for _ in 0..<depth {
                try Entry.makeDirectory(name, mode: 0o700, in: current.number)
                current = try Entry.open(name, O_RDONLY | O_DIRECTORY, in: current.number)
            }
            let usage = try await store.snapshots.usage("c")
            #expect(usage.inodes == UInt64(depth) + 1)
            try await store.snapshots.remove("c")
            try Trash(store.root).empty()
            #expect(try FileTree.list(store.root.trash) == [])
        }
    }
}
