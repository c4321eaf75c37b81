import CKernel
import CStage
import Diagnosis
import Glibc
import OCISpec

/// Mounts of the types `cgroup` and `cgroup2`.
extension Compiler {
    /// The container's own part of the cgroup tree.
    mutating func mountCgroup(
        _ options: MountOptions, _ source: String, _ destination: String, _ pointer: Pointer
    ) {
        switch facts.cgroup {
        case .v2(let directory, unified: true):
            bindOrMount(source, type: "cgroup2", options, destination, directory, pointer)
        case .callers(let directory):
            // Seen from the host's cgroup namespace it has the caller's processes in it, which are not the container's
            // to move (CVE-2023-25809).
            bindOrMount(
                source, type: "cgroup2", options, destination, directory,
                bindFlags: UInt32(MOUNT_ATTR_RDONLY), pointer)
        case .v2(_, unified: false), .none:
            // As runc has it, without the cgroup v2 tree of a hybrid host: what looks for one finds it unified.
            mountEmptyCgroup(options, destination, pointer)
            for cgroup in facts.legacyCgroups {
                bindOrMount(
                    cgroup.controllers == ["name=systemd"] ? "systemd" : "cgroup", type: "cgroup",
                    data: cgroup.controllers, options, destination + "/" + cgroup.name, cgroup.directory,
                    pointer)
                linkControllers(of: cgroup, destination, pointer)
            }
        }
    }

    /// Programs look for a controller by its own name, whatever it shares a hierarchy with.
    private mutating func linkControllers(
        of cgroup: HostFacts.LegacyCgroup, _ destination: String, _ pointer: Pointer
    ) {
        let names = cgroup.name.split(separator: ",")
        guard names.count > 1 else { return }
        for name in names {
            builder.step(
                Operation(
                    PLAN_SYMLINK,
                    strings: (builder.string("\(destination)/\(name)"), builder.string(cgroup.name), 0, 0)),
                .config(pointer), "link \(destination)/\(name) to \(cgroup.name)")
        }
    }

    private mutating func bindOrMount(
        _ source: String, type: String, data: [String] = [], _ options: MountOptions,
        _ destination: String, _ directory: String, bindFlags: UInt32 = 0, _ pointer: Pointer
    ) {
        var bound = options.attributes
        if bindFlags != 0 { bound.add(bindFlags) }
        var bindFallback = false
        if config.namespace(.cgroup) != nil {
            var fresh = options
            fresh.data = data
            // The super block is the host's own: it stays as it is.
            fresh.superFlags = 0
            mountFileSystem(
                type, source: source, fresh, flags: 0, on: destination,
                // A user namespace that does not own the cgroup namespace may not mount it.
                tolerating: [EPERM, EBUSY], .config(pointer), "mount \(type) on \(destination)")
            bindFallback = true
        }
        builder.step(
            Operation(
                PLAN_MOUNT_BIND, flags: bindFallback ? UInt32(PLAN_FALLBACK) : 0,
                strings: (builder.string(destination), builder.string(directory), 0, 0),
                numbers: (bound.packed, 0, options.propagation.first ?? 0, 0)),
            .config(pointer), "bind the container's cgroup \(directory) on \(destination)")
    }

    private mutating func mountEmptyCgroup(
        _ options: MountOptions, _ destination: String, _ pointer: Pointer
    ) {
        var holder = options
        holder.data = ["mode=755"]
        holder.attributes.drop(UInt32(MOUNT_ATTR_RDONLY))
        holder.superFlags = 0
        mountFileSystem(
            "tmpfs", source: "tmpfs", holder, flags: 0, on: destination, .config(pointer),
            "mount a tmpfs for cgroups on \(destination)")
    }
}
