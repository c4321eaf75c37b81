import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

/// The mounts of a plan that the runtime makes, attached nowhere, before there is a process.
final class DetachedMounts {
    private let table = DescriptorTable()
    private var made: [(mount: DetachedMount, number: Int32)] = []
    /// User namespaces by their maps: mounts with the same mapping share one.
    private var namespaces: [(map: MountIDMap, number: Int32)] = []

    /// Makes all that the plan asks for; nothing is left if one of them cannot be made.
    init(of plan: Plan) throws(Failure) {
        for descriptor in plan.descriptors {
            guard case .mount(let mount) = descriptor.source else { continue }
            made.append((mount, try make(mount)))
        }
    }

    /// A descriptor of a mount that was made.
    func open(_ mount: DetachedMount) throws(Failure) -> FileDescriptor {
        guard let number = made.first(where: { $0.mount == mount })?.number else {
            throw Failure("the plan asks for a mount that there is not")
        }
        return try Failure.blaming { () throws(SystemError) in try FileDescriptor.duplicate(number) }
    }

    private func make(_ mount: DetachedMount) throws(Failure) -> Int32 {
        guard MountTree.canMapIDs || mount.idMap == nil && mount.propagation == 0 else {
            throw Failure(
                at: mount.idMap == nil ? mount.pointer : mount.idMapField,
                "this kernel cannot change mounts that are not attached yet",
                remedy: "it takes Linux 5.12 (mount_setattr)")
        }
        let tree = try Self.tree(of: mount)
        if mount.propagation != 0 {
            try Failure.blaming(.config(mount.pointer)) { () throws(SystemError) in
                try MountTree.propagate(tree, mount.propagation)
            }
        }
        if let map = mount.idMap {
            let namespace = try self.namespace(map, mount)
            do throws(SystemError) {
                try MountTree.map(tree, like: namespace, recursive: mount.mapsAll)
            } catch {
                throw Self.refusal(error, mount, tree)
            }
        }
        return table.keep(tree)
    }

    private static func tree(of mount: DetachedMount) throws(Failure) -> FileDescriptor {
        switch mount.source {
        case .path(let path, let isRecursive, let followsLink):
            return try Failure.blaming(.config(mount.pointer.key("source"))) { () throws(SystemError) in
                try MountTree.copy(path, recursive: isRecursive, followsLink: followsLink)
            }
        case .fileSystem(let type, let source, let options):
            let pairs = options.map { option in
                let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (key: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : nil)
            }
            var complaint = ""
            do throws(SystemError) {
                return try MountTree.make(
                    type, source: source, options: pairs, attributes: 0, complaint: &complaint)
            } catch {
                throw Failure(
                    .config(mount.pointer), doing: error.doing, errno: error.errno, reason: complaint)
            }
        }
    }

    // MARK: mappings

    private func namespace(_ map: MountIDMap, _ mount: DetachedMount) throws(Failure) -> FileDescriptor {
        let number: Int32
        if let known = namespaces.first(where: { $0.map == map })?.number {
            number = known
        } else {
            number = table.keep(try Self.makeNamespace(map, mount))
            namespaces.append((map, number))
        }
        return try Failure.blaming { () throws(SystemError) in try FileDescriptor.duplicate(number) }
    }

    private static func makeNamespace(
        _ map: MountIDMap, _ mount: DetachedMount
    ) throws(Failure) -> FileDescriptor {
        try Failure.blaming(
            .config(mount.idMapField),
            remedy:
                "see user.max_user_namespaces in sysctl(8), and user_namespaces(7) for what a map may hold"
        ) { () throws(SystemError) in
            switch map {
            case .namespace(let path): try FileDescriptor.open(path, O_RDONLY)
            case .mappings(let uids, let gids):
                try UserNamespace.make(uids: lines(uids), gids: lines(gids))
            }
        }
    }

    private static func lines(_ mappings: [IDMapping]) -> String {
        mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
    }

    /// The kernel says EINVAL of a file system that cannot do it, without a word.
    private static func refusal(
        _ error: SystemError, _ mount: DetachedMount, _ tree: borrowing FileDescriptor
    ) -> Failure {
        var failure = Failure(.config(mount.idMapField), error)
        let name = fileSystemName(mount, tree)
        switch error.errno {
        case Errno(EINVAL):
            failure.reason = "the IDs of this file system, \(name), cannot be mapped here"
            if mount.mapsAll { failure.reason += ", or those of one mounted below it" }
            failure.remedy =
                since[name].map { "\(name) takes Linux \($0)" } ?? "map its IDs by chown, or use ext4 or xfs"
        case Errno(EPERM):
            failure.reason =
                "\(name) was mounted in another user namespace, or the mount has a mapping already"
        default: break
        }
        return failure
    }

    private static func fileSystemName(
        _ mount: DetachedMount, _ tree: borrowing FileDescriptor
    ) -> String {
        if case .fileSystem(let type, _, _) = mount.source { return type }
        guard let magic = try? tree.fileSystemMagic() else { return "unknown" }
        return names[magic] ?? "with magic number 0x\(String(magic, radix: 16))"
    }

    /// From which version of Linux on (mount_setattr(2)).
    private static let since = [
        "ext4": "5.12", "xfs": "5.12", "vfat": "5.12", "btrfs": "5.15", "f2fs": "5.18", "erofs": "5.19",
        "overlay": "5.19 and layers whose IDs can be mapped", "squashfs": "6.2", "tmpfs": "6.3",
        "hugetlbfs": "6.9",
    ]

    /// statfs(2) has the numbers.
    private static let names: [Int: String] = [
        0x0102_1994: "tmpfs", 0x8584_58f6: "ramfs", 0xef53: "ext4", 0x5846_5342: "xfs", 0x9123_683e: "btrfs",
        0x794c_7630: "overlay", 0x6969: "nfs", 0x6573_5546: "fuse", 0x9fa0: "proc", 0x6265_6572: "sysfs",
        0x6367_7270: "cgroup2", 0x27_e0eb: "cgroup", 0x1cd1: "devpts", 0x1980_0202: "mqueue", 0x4d44: "vfat",
        0xff53_4d42: "cifs", 0x0102_1997: "9p", 0xf2f5_2010: "f2fs", 0x7371_7368: "squashfs",
        0xe0f5_e1e2: "erofs",
    ]
}
