import CKernel
import CStage
import Diagnosis
import Glibc
import Labels
import OCISpec

extension Mount {
    public var isBind: Bool { type == "bind" || options.contains("bind") || options.contains("rbind") }

    /// A read-only tmpfs is filled first (device nodes, mount points), and read-only afterwards.
    var isDeferredReadOnly: Bool { type == "tmpfs" && isNewReadOnly }

    public var isCgroup: Bool { !isBind && (type == "cgroup" || type == "cgroup2") }

    fileprivate var isNewReadOnly: Bool { !isBind && MountOptions(options).superFlags & MS.RDONLY != 0 }
}

extension MountLabel {
    /// The file system options that carry it.
    fileprivate func options(_ type: String) -> [String] {
        switch Self.way(type: type, isBind: false) {
        case .option: return ["\(key)=\(context.description)"]
        case .none, .root: return []
        }
    }
}

extension Compiler {
    /// Whether the mount is made read-only when everything else is in it: a tmpfs, or the one that holds the mounts
    /// of the cgroup v1 hierarchies.
    func isDeferredReadOnly(_ mount: Mount) -> Bool {
        if mount.isDeferredReadOnly { return true }
        switch facts.cgroup {
        case .v2(_, unified: true), .callers: return false
        case .v2(_, unified: false), .none: break
        }
        return mount.isCgroup && mount.isNewReadOnly
    }

    /// The steps of one mount; `pointer` is where it stands.
    mutating func make(_ mount: Mount, _ pointer: Pointer) throws(Failure) {
        let options = MountOptions(mount.options)
        try refuseContradictions(mount, options, pointer)
        if let option = options.data.flatMap(MountOptions.split).first(where: { $0.hasPrefix("=") }) {
            throw Failure(at: pointer.key("options"), "\"\(option)\" has no name before the '='")
        }
        let destination = mount.target
        if destination == "/" {
            throw Failure(
                at: pointer.key("destination"), "\"\(mount.destination)\": nothing may be mounted on /",
                remedy: "set /root/path")
        }
        if options.isRemount {
            try remount(mount, options, destination, pointer)
        } else if mount.isBind {
            try bind(mount, options, destination, pointer)
        } else if mount.isCgroup {
            mountCgroup(options, mount.source ?? "cgroup", destination, pointer)
        } else {
            try mountNew(mount, options, destination, pointer)
        }
        for flags in options.propagation.dropFirst() {
            builder.step(
                Operation(
                    PLAN_REPROPAGATE, strings: (builder.string(destination), 0, 0, 0),
                    numbers: (flags, 0, 0, 0)),
                .config(pointer.key("options")), "change the propagation of \(destination)")
        }
    }

    /// Options that are meant for one kind of mount, and options that exclude one another.
    private func refuseContradictions(
        _ mount: Mount, _ options: MountOptions, _ pointer: Pointer
    ) throws(Failure) {
        let kept = options.keepsSourceLink ? "src-nofollow" : options.keepsTargetLink ? "dest-nofollow" : nil
        if let option = options.remakesLink ? "copy-symlink" : kept, !mount.isBind || options.isRemount {
            throw Failure(at: pointer.key("options"), "\"\(option)\" is for bind mounts alone")
        }
        if options.remakesLink, let option = kept {
            throw Failure(
                at: pointer.key("options"), "\"copy-symlink\" and \"\(option)\" exclude one another")
        }
        if options.copiesUp && (mount.type != "tmpfs" || mount.isBind || options.isRemount) {
            throw Failure(at: pointer.key("options"), "\"tmpcopyup\" is for a new tmpfs alone")
        }
        guard mount.isIDMapped else { return }
        let reason =
            options.isRemount
            ? "what is mounted already cannot be given an ID mapping"
            : mount.isCgroup
                ? "a cgroup file system cannot be given an ID mapping"
                : options.remakesLink ? "a link made by \"copy-symlink\" cannot be given an ID mapping" : nil
        if let reason { throw Failure(at: Self.idMapField(of: mount, pointer), reason) }
    }

    // MARK: bind

    mutating func bind(
        _ mount: Mount, _ options: MountOptions, _ destination: String, _ pointer: Pointer
    ) throws(Failure) {
        guard let source = mount.source, !source.isEmpty else {
            throw Failure(at: pointer.key("source"), "required for a bind mount")
        }
        if let option = options.data.first {
            throw Failure(
                at: pointer.key("options"), "\"\(option)\" is no option of a bind mount",
                remedy: "a bind mount has no file system options of its own")
        }
        var flags = procChildFlag(destination)
        // type "bind" with neither option binds one mount, as runc and crun have it.
        if options.keepsTargetLink { flags |= UInt32(PLAN_MOUNT_TARGET_LINK) }
        let isClosed = facts.closedSources.contains(source) && !options.remakesLink
        if joinsRunning || mount.isIDMapped || staysPeer(options) || isClosed {
            let path = DetachedMount.Source.path(
                source, isRecursive: options.isRecursiveBind, followsLink: !options.keepsSourceLink)
            return attach(
                try detached(path, of: mount, options, pointer), options, flags: flags, destination, pointer,
                "bind \(source) on \(destination)")
        }
        if options.isRecursiveBind { flags |= UInt32(PLAN_MOUNT_RECURSIVE) }
        if options.keepsSourceLink { flags |= UInt32(PLAN_MOUNT_SOURCE_LINK) }
        if options.remakesLink { flags |= UInt32(PLAN_MOUNT_REMAKE_LINK) }
        builder.step(
            Operation(
                PLAN_MOUNT_BIND, flags: flags,
                strings: (builder.string(destination), builder.string(source), 0, 0),
                numbers: (
                    options.attributes.packed, options.recursiveAttributes.packed,
                    options.propagation.first ?? 0, 0
                )),
            .config(pointer), "bind \(source) on \(destination)")
    }

    /// A shared mount of a shared root goes on being a peer of the host's: what is mounted below one of them shows below
    /// the other. By the time that the stage could copy it, it is a slave. In a user namespace it has to be one.
    func staysPeer(_ options: MountOptions) -> Bool {
        let asked = config.linux?.rootfsPropagation
        guard asked == .shared || asked == .rshared else { return false }
        guard let flags = options.propagation.first, flags & MS.SHARED != 0, !options.remakesLink else {
            return false
        }
        return !joinsRunning && config.namespace(.user) == nil && config.hasNew(.mount)
    }

    /// What may be mounted on inside procfs: files that a container manager virtualises (lxcfs), no more.
    private func procChildFlag(_ destination: String) -> UInt32 {
        guard destination.hasPrefix("/proc/") else { return 0 }
        let allowed = [
            "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
            "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled",
        ]
        let isAllowed = allowed.contains { "/proc/" + $0 == destination }
        return isAllowed ? UInt32(PLAN_MOUNT_PROC_CHILD) : 0
    }

    // MARK: remount

    private mutating func remount(
        _ mount: Mount, _ options: MountOptions, _ destination: String, _ pointer: Pointer
    ) throws(Failure) {
        // With "bind" it is the mount alone that changes, else its file system as well.
        var op = Operation(PLAN_REMOUNT)
        op.strings.0 = builder.string(destination)
        op.numbers.0 = options.attributes.packed
        if !mount.isBind {
            if options.superFlags & (MS.POSIXACL | MS.I_VERSION) != 0 {
                throw Failure(
                    at: pointer.key("options"), "\"acl\" and \"iversion\" cannot be changed by a remount",
                    remedy: "give them to the mount itself")
            }
            op.flags = UInt32(PLAN_REMOUNT_SUPER)
            op.numbers.2 = options.superFlags
            let data = optionBlob(options.data.flatMap(MountOptions.split))
            op.strings.3 = data.offset
            op.length = data.length
        } else if let option = options.data.first {
            throw Failure(at: pointer.key("options"), "\"\(option)\" is no option of a bind mount")
        }
        builder.step(op, .config(pointer), "remount \(destination)")
        if let flags = options.propagation.first {
            builder.step(
                Operation(
                    PLAN_REPROPAGATE, strings: (builder.string(destination), 0, 0, 0),
                    numbers: (flags, 0, 0, 0)),
                .config(pointer.key("options")), "change the propagation of \(destination)")
        }
    }

    // MARK: new file systems

    private mutating func mountNew(
        _ mount: Mount, _ options: MountOptions, _ destination: String, _ pointer: Pointer
    ) throws(Failure) {
        guard let type = mount.type, !type.isEmpty, type != "none" else {
            throw Failure(
                at: pointer.key("type"), "required",
                remedy: "name a file system, or make it a bind mount with the option \"bind\" or \"rbind\"")
        }
        var options = options
        if mount.isDeferredReadOnly {
            options.attributes.drop(UInt32(MOUNT_ATTR_RDONLY))
            options.superFlags &= ~MS.RDONLY
        }
        let label = labels.mount?.options(type) ?? []
        var flags = procChildFlag(destination)
        if type == "proc" || type == "sysfs" { flags |= UInt32(PLAN_MOUNT_PLAIN_TARGET) }
        // A tmpfs that is told no mode looks like the directory it covers.
        if type == "tmpfs" && !options.data.contains(where: { $0.utf8.starts(with: "mode=".utf8) }) {
            flags |= UInt32(PLAN_MOUNT_COPY_MODE)
        }
        if options.copiesUp { flags |= UInt32(PLAN_MOUNT_COPY_UP) }
        if mount.isIDMapped {
            return try mountMapped(type, mount, options, label: label, flags: flags, destination, pointer)
        }
        // A sysfs shows devices of a network namespace, and whoever is not root of its owner may not mount one.
        let isForeignSysfs = type == "sysfs" && config.namespace(.user) != nil && !config.hasNew(.network)
        mountFileSystem(
            type, source: mount.source ?? type, options, label: label, flags: flags, on: destination,
            tolerating: isForeignSysfs ? [EPERM] : [], .config(pointer), "mount \(type) on \(destination)")
        labelRoot(of: type, destination)
        guard isForeignSysfs else { return }
        builder.step(
            Operation(
                PLAN_MOUNT_BIND, flags: UInt32(PLAN_FALLBACK) | UInt32(PLAN_MOUNT_RECURSIVE),
                strings: (builder.string(destination), builder.string("/sys"), 0, 0),
                numbers: (
                    options.attributes.packed, options.attributes.packed, options.propagation.first ?? 0, 0
                )),
            .config(pointer), "bind the host's /sys on \(destination)")
    }

    /// For a file system that cannot be told its label by an option.
    private mutating func labelRoot(of type: String, _ destination: String) {
        guard let label = labels.mount, MountLabel.way(type: type, isBind: false) == .root else { return }
        builder.step(
            Operation(
                PLAN_LABEL,
                strings: (builder.string(destination), builder.string(label.context.description), 0, 0)),
            .config("/linux/mountLabel"), "label \(destination)")
    }

    mutating func mountFileSystem(
        _ type: String, source: String, _ options: MountOptions, label: [String] = [], flags: UInt32,
        on destination: String, tolerating errnos: [Int32] = [], _ origin: Failure.Origin, _ doing: String
    ) {
        var flags = flags
        if options.superFlags & MS.legacyOnly != 0 { flags |= UInt32(PLAN_MOUNT_LEGACY) }
        let data = optionBlob(options.data.flatMap(MountOptions.split) + label)
        builder.step(
            Operation(
                PLAN_MOUNT_FS, flags: flags, tolerated: errnos,
                strings: (
                    builder.string(destination), builder.string(type), builder.string(source), data.offset
                ),
                numbers: (
                    options.attributes.packed, options.propagation.first ?? 0, options.superFlags, 0
                ),
                length: data.length),
            origin, doing)
        if !options.recursiveAttributes.isEmpty {
            builder.step(
                Operation(
                    PLAN_REMOUNT, strings: (builder.string(destination), 0, 0, 0),
                    numbers: (options.recursiveAttributes.packed, 0, 0, 0)),
                origin, "set the attributes of \(destination)")
        }
    }

    /// plan_option entries: `key=value` is a string, a bare word a flag.
    private mutating func optionBlob(_ data: [String]) -> (offset: UInt32, length: UInt32) {
        var bytes: [UInt8] = []
        for option in data {
            let isPair = option.utf8.contains(UInt8(ascii: "="))
            bytes.append(UInt8(truncatingIfNeeded: isPair ? PLAN_OPTION_STRING : PLAN_OPTION_FLAG))
            let start = bytes.count
            bytes += option.utf8
            // The name and the value are strings of their own.
            if let end = bytes[start...].firstIndex(of: UInt8(ascii: "=")) { bytes[end] = 0 }
            bytes.append(0)
        }
        return bytes.isEmpty ? (0, 0) : (builder.blob(bytes), UInt32(truncatingIfNeeded: bytes.count))
    }
}
