import Diagnosis
import Glibc
import Kernel

/// One overlay mount.
struct SnapshotMount: Sendable {
    let root: ImageRoot
    let id: String
    /// The roots of the layers, the uppermost first.
    let layers: [String]
    let isWritable: Bool
    let options: SnapshotMountOptions
    /// Whether layers with mapped IDs are handed to overlay by paths, as kernels before 6.13 want them.
    var attachesMappedLayers = false

    /// Makes it and attaches it to a directory of the host's.
    func attach(at target: String) throws(ImageError) {
        // Overlay wants a layer below, and two if there is nothing to write to.
        let lowers = layers + root.empty.prefix(max(0, (isWritable ? 1 : 2) - layers.count))
        guard let userNamespace = options.userNamespace else {
            return try attach(lowers.map { .text($0) }, paths: lowers, at: target)
        }
        let clones = try map(lowers, userNamespace)
        if !attachesMappedLayers {
            do throws(ImageError) {
                return try attach(clones.map { .descriptor($0.number) }, paths: nil, at: target)
            } catch  where error.failure.errno == Errno(EINVAL) {
                // An older kernel, which takes paths only; if something else is wrong, it will say so again.
            }
        }
        try withPaths(clones) { paths throws(ImageError) in
            try attach(paths.map { .text($0) }, paths: paths, at: target)
        }
    }

    /// - Parameter paths: of the layers, for kernels that want them in one text; nil if they have none.
    private func attach(
        _ lowers: [MountTree.ParameterValue], paths: [String]?, at target: String
    ) throws(ImageError) {
        var parameters: [(key: String, value: MountTree.ParameterValue)] = lowers.map { ("lowerdir+", $0) }
        for (key, value) in directories + [("index", "off")] { parameters.append((key, .text(value))) }
        if let context = options.selinuxContext { parameters.append(("context", .text(context))) }
        var complaint = ""
        do throws(SystemError) {
            let mount = try MountTree.make(
                "overlay", source: "overlay", parameters: parameters,
                attributes: options.isReadOnly || !isWritable ? Self.readOnlyAttribute : 0,
                complaint: &complaint)
            try MountTree.attach(mount, at: target)
        } catch {
            // `lowerdir+` is of Linux 6.7; some kernels before take it, and refuse it only at the end.
            guard let paths, error.errno == Errno(EINVAL) else { throw failure(error, complaint) }
            do throws(ImageError) {
                return try attachByText(paths, at: target)
            } catch  where error.kind == .invalid {
                throw error
            } catch {
                // What the newer interface says is clearer.
            }
            throw failure(error, complaint)
        }
    }

    /// By mount(2), with all layers in one text that has to fit into a page.
    func attachByText(_ paths: [String], at target: String) throws(ImageError) {
        let lowers = paths.map { Self.escape($0, ":") }.joined(separator: ":")
        var data = ([("lowerdir", lowers)] + directories + [("index", "off")])
            .map { "\($0.0)=\($0.1)" }.joined(separator: ",")
        // In quotes, since there are commas in a range of categories.
        if let context = options.selinuxContext { data += ",context=\"\(context)\"" }
        guard data.utf8.count < 4096 else {
            throw ImageError(
                .invalid, doing: "mount the snapshot \(id)",
                "\(paths.count) layers are too many for this kernel's mount options",
                remedy: "use Linux 6.7 or later, or a shorter root directory")
        }
        do throws(SystemError) {
            try MountTree.mount(
                "overlay", source: "overlay", at: target,
                flags: options.isReadOnly || !isWritable ? Self.MS_RDONLY : 0, data: data)
        } catch {
            throw failure(error, "")
        }
    }

    private var directories: [(String, String)] {
        isWritable ? [("upperdir", root.upper(id)), ("workdir", root.work(id))] : []
    }

    private func failure(_ error: SystemError, _ complaint: String) -> ImageError {
        var failure = ImageError(error)
        failure.failure.doing = "mount the snapshot \(id): \(error.doing)"
        failure.failure.reason = complaint
        return failure
    }

    // MARK: - Mapped IDs

    /// Copies of the layers' mounts whose files have the IDs of a user namespace.
    private func map(_ layers: [String], _ userNamespace: String) throws(ImageError) -> [OpenDirectory] {
        do throws(SystemError) {
            let namespace = try FileDescriptor.open(userNamespace, O_RDONLY)
            var clones: [OpenDirectory] = []
            for layer in layers {
                let clone = try MountTree.copy(layer, recursive: false)
                try MountTree.map(clone, like: namespace, recursive: false)
                clones.append(OpenDirectory(clone))
            }
            return clones
        } catch {
            var failure = ImageError(error)
            failure.failure.doing = "give the layers of \(id) the IDs of \(userNamespace): \(error.doing)"
            if error.errno == Errno(EINVAL) || error.errno == Errno(ENOSYS) {
                failure.failure.remedy =
                    "the file system of \(root.path) must have mounts with mapped IDs (Linux 5.12 and later; "
                    + "ext4, xfs, btrfs), and the user namespace must not be the host's"
            }
            throw failure
        }
    }

    /// Does `body` while the mounts are attached somewhere.
    private func withPaths(
        _ mounts: [OpenDirectory], _ body: ([String]) throws(ImageError) -> Void
    ) throws(ImageError) {
        let home = "\(root.mapped)/\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        var paths: [String] = []
        defer {
            // The overlay has mounts of its own by now.
            for path in paths {
                try? MountTree.unmount(path, flags: Self.MNT_DETACH)
                try? FileTree.removeDirectory(path)
            }
            try? FileTree.removeDirectory(home)
        }
        do throws(SystemError) {
            try FileTree.makeDirectory(home, mode: 0o700)
            for (index, mount) in mounts.enumerated() {
                let path = "\(home)/\(index)"
                try FileTree.makeDirectory(path, mode: 0o700)
                paths.append(path)
                try MountTree.attach(FileDescriptor.duplicate(mount.number), at: path)
            }
        } catch {
            throw ImageError(error)
        }
        try body(paths)
    }

    /// Takes away what a daemon that was killed in the midst of ``attach(at:)`` has left: mounts of layers with mapped IDs.
    /// To be called before the first mount is made.
    static func clearMapped(_ root: ImageRoot) throws(ImageError) {
        do throws(SystemError) {
            for home in try FileTree.list(root.mapped).map({ "\(root.mapped)/\($0)" }) {
                for path in try FileTree.list(home).map({ "\(home)/\($0)" }) {
                    do throws(SystemError) {
                        try MountTree.unmount(path, flags: MNT_DETACH)
                    } catch  where error.errno == Errno(EINVAL) {
                        // It had not come to that yet.
                    }
                    try FileTree.removeDirectory(path)
                }
                try FileTree.removeDirectory(home)
            }
        } catch {
            throw ImageError(error)
        }
    }

    private static func escape(_ path: String, _ separator: Character) -> String {
        path.reduce(into: "") { text, character in
            if character == separator || character == "," || character == "\\" { text.append("\\") }
            text.append(character)
        }
    }

    // <linux/mount.h> and <sys/mount.h>, of which Swift sees neither here.
    private static let readOnlyAttribute: UInt32 = 1
    private static let MS_RDONLY: UInt = 1
    private static let MNT_DETACH: Int32 = 2
}
