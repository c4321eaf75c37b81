import CRIProto
import Diagnosis
import OCISpec

extension Compilation {
    /// The defaults that nothing covers, then the pod's and the container's by their depth, so that none hides
    /// another.
    mutating func compileMounts() throws(SpecificationError) {
        var asked: [Mount] = []
        var table: MountTable?
        for (index, mount) in input.container.mounts.enumerated() {
            let pointer = Self.container.key("mounts").index(index)
            asked.append(try compile(mount, index, at: pointer, &table))
        }
        let covered = Set(asked.map(\.target))
        config.mounts = defaultMounts().filter { mount in
            !covered.contains(mount.target)
                // Whoever brings a /dev or a /sys brings all of it.
                && !(covered.contains("/dev") && mount.target.hasPrefix("/dev/"))
                && !(covered.contains("/sys") && mount.target.hasPrefix("/sys/"))
        }
        var others = podMounts().filter { mount in
            !covered.contains(mount.target) && !(covered.contains("/dev") && mount.target == "/dev/shm")
        }
        others += asked
        // sort(by:) does not promise to keep the order of equals.
        let order = others.indices.sorted { (others[$0].nesting, $0) < (others[$1].nesting, $1) }
        config.mounts += order.map { others[$0] }
        if let context = fileContext { relabelPodFiles(context, covered) }
    }

    private mutating func compile(
        _ mount: Runtime_V1_Mount, _ index: Int, at pointer: Pointer, _ table: inout MountTable?
    ) throws(SpecificationError) -> Mount {
        let target = cleanPath(mount.containerPath)
        guard !mount.containerPath.isEmpty, target != "/", !mount.containerPath.utf8.contains(0) else {
            throw SpecificationError(
                at: pointer.key("container_path"),
                "\(quoted(mount.containerPath)) is no place to mount something: the root is the image's")
        }
        var result = Mount(target, "bind", try source(of: mount, index, at: pointer), ["rbind"])
        result.options.append(try propagation(of: mount, result.source ?? "", at: pointer, &table))
        result.options.append(try access(of: mount, at: pointer))
        result.options += try options(of: mount, at: pointer.key("mount_options"))
        try map(&result, mount, at: pointer)
        if mount.selinuxRelabel, let context = fileContext, !mount.hasImage {
            relabels.append(
                Relabel(
                    path: result.source ?? "", context: context, pointer: pointer.key("selinux_relabel")))
        }
        return result
    }

    // MARK: source

    private mutating func source(
        of mount: Runtime_V1_Mount, _ index: Int, at pointer: Pointer
    ) throws(SpecificationError) -> String {
        if mount.hasImage { return try imageSource(of: mount, index, at: pointer) }
        if !mount.imageSubPath.isEmpty {
            throw SpecificationError(at: pointer.key("image_sub_path"), "there is no image to look for it in")
        }
        let pointer = pointer.key("host_path")
        guard mount.hostPath.hasPrefix("/"), !mount.hostPath.utf8.contains(0) else {
            throw SpecificationError(at: pointer, "\(quoted(mount.hostPath)) is not an absolute path")
        }
        let found = try canonical(mount.hostPath, at: pointer)
        if !found.exists {
            if input.options.refusedMissingPaths.contains(where: { cleanPath($0) == found.path }) {
                throw SpecificationError(
                    .notFound, at: pointer, "\(mount.hostPath) is missing, and not to be made as a directory")
            }
            missing.append((found.path, pointer))
        }
        return found.path
    }

    /// What the kubelet looks for in messages of failed image volumes.
    private static let imageVolumeFailure = "ImageVolumeMountFailed"

    private func imageSource(
        of mount: Runtime_V1_Mount, _ index: Int, at pointer: Pointer
    ) throws(SpecificationError) -> String {
        if !mount.hostPath.isEmpty {
            throw SpecificationError(
                at: pointer.key("host_path"), "\(quoted(mount.hostPath)) excludes an image, and one is given")
        }
        if mount.image.image.isEmpty {
            throw SpecificationError(at: pointer.key("image").key("image"), "required for an image volume")
        }
        guard let directory = input.imageMounts[index] else {
            throw SpecificationError(
                .notFound, at: pointer.key("image").key("image"),
                "\(Self.imageVolumeFailure): there is no image \(quoted(mount.image.image))",
                remedy: "pull it first")
        }
        if mount.imageSubPath.isEmpty { return directory }
        let pointer = pointer.key("image_sub_path")
        if mount.imageSubPath.hasPrefix("/") || mount.imageSubPath.split(separator: "/").contains("..")
            || mount.imageSubPath.utf8.contains(0)
        {
            throw SpecificationError(
                at: pointer,
                "\(Self.imageVolumeFailure): \(quoted(mount.imageSubPath)) is not a path below the image's root"
            )
        }
        do throws(SystemError) {
            return try input.files.path(mount.imageSubPath, in: directory)
        } catch {
            var failure = Failure(.config(pointer), error)
            failure.reason = Self.imageVolumeFailure
            throw SpecificationError(error.errno.name == "ENOENT" ? .notFound : .invalidArgument, failure)
        }
    }

    // MARK: options

    /// Also gives the root the propagation without which the mount's own would come to nothing.
    private mutating func propagation(
        of mount: Runtime_V1_Mount, _ source: String, at pointer: Pointer, _ table: inout MountTable?
    ) throws(SpecificationError) -> String {
        let pointer = pointer.key("propagation")
        switch mount.propagation {
        case .propagationPrivate: return "rprivate"
        case .propagationHostToContainer:
            let entry = try entry(of: source, at: pointer, &table)
            guard entry.isShared || entry.isSlave else {
                throw SpecificationError(
                    at: pointer,
                    "\(source) is on the mount \(entry.mountPoint), which is neither shared nor a slave",
                    remedy: "make it so on the host: mount --make-rshared \(entry.mountPoint)")
            }
            if linux.rootfsPropagation != .rshared { linux.rootfsPropagation = .rslave }
            return "rslave"
        case .propagationBidirectional:
            let entry = try entry(of: source, at: pointer, &table)
            guard entry.isShared else {
                throw SpecificationError(
                    at: pointer, "\(source) is on the mount \(entry.mountPoint), which is not shared",
                    remedy: "make it so on the host: mount --make-rshared \(entry.mountPoint)")
            }
            linux.rootfsPropagation = .rshared
            return "rshared"
        case .UNRECOGNIZED(let number):
            throw unknownValue(number, of: "MountPropagation", at: pointer)
        }
    }

    private func entry(
        of path: String, at pointer: Pointer, _ table: inout MountTable?
    ) throws(SpecificationError) -> MountTable.Entry {
        let known: MountTable
        if let table {
            known = table
        } else {
            do throws(SystemError) {
                known = try input.files.mountTable()
            } catch {
                throw SpecificationError(.internal, Failure(.config(pointer), error))
            }
            table = known
        }
        guard let entry = known.mount(of: path) else {
            throw SpecificationError(.internal, at: pointer, "\(path) is on no mount")
        }
        return entry
    }

    private func access(of mount: Runtime_V1_Mount, at pointer: Pointer) throws(SpecificationError) -> String
    {
        if mount.hasImage, !mount.readonly {
            throw SpecificationError(
                at: pointer.key("readonly"), "is not set, and images are mounted read-only", remedy: "set it")
        }
        guard mount.recursiveReadOnly else { return mount.readonly ? "ro" : "rw" }
        let pointer = pointer.key("recursive_read_only")
        if !mount.readonly {
            throw SpecificationError(at: pointer, "readonly is not set, and must be for it")
        }
        if mount.propagation != .propagationPrivate {
            throw SpecificationError(at: pointer, "the propagation must be PROPAGATION_PRIVATE for it")
        }
        guard input.handler.recursiveReadOnlyMounts else {
            // The word is the kubelet's.
            throw SpecificationError(
                at: pointer, "RROUnsupported: the pod's runtime has no recursive read-only mounts",
                remedy: "use another runtime class")
        }
        return "rro"
    }

    /// Options of the mount itself, that have no field of their own.
    private static let mountOptions: Set<String> = [
        "noexec", "exec", "nosuid", "suid", "nodev", "dev", "noatime", "atime", "nodiratime", "diratime",
        "relatime", "norelatime", "strictatime", "nostrictatime", "nosymfollow", "symfollow",
    ]

    private func options(of mount: Runtime_V1_Mount, at pointer: Pointer) throws(SpecificationError)
        -> [String]
    {
        for (index, option) in mount.mountOptions.enumerated() where !Self.mountOptions.contains(option) {
            throw SpecificationError(
                at: pointer.index(index),
                "\(quoted(option)) is not an option of a bind mount that may be given",
                remedy: "allowed are \(Self.mountOptions.sorted().joined(separator: ", "))")
        }
        return mount.mountOptions
    }

    private func map(
        _ result: inout Mount, _ mount: Runtime_V1_Mount, at pointer: Pointer
    ) throws(SpecificationError) {
        let lists = [("uidMappings", mount.uidMappings), ("gidMappings", mount.gidMappings)]
        if lists.allSatisfy(\.1.isEmpty) { return }
        for (name, list) in lists {
            let pointer = pointer.key(name)
            if list.isEmpty {
                throw SpecificationError(at: pointer, "required beside the other kind of mappings")
            }
            guard input.handler.idMappedMounts else {
                throw SpecificationError(
                    at: pointer, "the pod's runtime has no ID-mapped mounts",
                    remedy: "use another runtime class")
            }
            try PodNamespaces.validate(list.map(IDMapping.init), at: pointer)
        }
        result.uidMappings = mount.uidMappings.map(IDMapping.init)
        result.gidMappings = mount.gidMappings.map(IDMapping.init)
    }

    // MARK: labels

    /// The daemon made these: they have its context.
    private mutating func relabelPodFiles(_ context: String, _ covered: Set<String>) {
        for mount in podMounts() where !covered.contains(mount.target) {
            guard let source = mount.source, source != "/dev/shm" else { continue }
            relabels.append(Relabel(path: source, context: context, pointer: "/sandbox_config"))
        }
    }
}
