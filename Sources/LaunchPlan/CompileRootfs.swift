import CKernel
import CStage
import Diagnosis
import Glibc
import OCISpec

extension Compiler {
    /// From the host's file tree into the container's.
    mutating func enterRootfs(_ process: Process) throws(Failure) {
        guard let root = config.root else { throw Failure(at: "/root", "required") }
        guard config.hasNew(.mount) else {
            try enterSharedRootfs(root, process)
            return
        }
        isolateTree()
        builder.step(
            Operation(PLAN_ROOTFS, strings: (builder.string(facts.rootfs), 0, 0, 0)), .config("/root/path"),
            "bind the root file system \(facts.rootfs)")
        for position in config.mounts.indices {
            try make(config.mounts[position], Pointer("/mounts").index(position))
        }
        bindNotifyDirectory()
        makeDevices()
        meetForHooks()
        openTerminal(process, "/process", isConsole: true)
        if options.noPivot {
            builder.step(Operation(PLAN_MOVE_ROOT), .option("--no-pivot"), "move the root file system to /")
        } else {
            builder.step(Operation(PLAN_PIVOT), .config("/root/path"), "pivot to \(facts.rootfs)")
        }
        spreadRoot()
        makeReadOnly(root)
    }

    /// Without a mount namespace of its own the container can have a root directory, and nothing mounted.
    private mutating func enterSharedRootfs(_ root: Root, _ process: Process) throws(Failure) {
        let remedy = "add {\"type\": \"mount\"} to /linux/namespaces"
        let wants: [(Bool, Pointer)] = [
            (!config.mounts.isEmpty, "/mounts"),
            (root.readonly, "/root/readonly"),
            (!(config.linux?.maskedPaths ?? []).isEmpty, "/linux/maskedPaths"),
            (!(config.linux?.readonlyPaths ?? []).isEmpty, "/linux/readonlyPaths"),
            (config.linux?.rootfsPropagation != nil, "/linux/rootfsPropagation"),
        ]
        for (wanted, pointer) in wants where wanted {
            throw Failure(at: pointer, "needs a new mount namespace", remedy: remedy)
        }
        builder.step(
            Operation(
                PLAN_ROOTFS, flags: UInt32(PLAN_ROOTFS_PLAIN),
                strings: (builder.string(facts.rootfs), 0, 0, 0)),
            .config("/root/path"), "open the root file system \(facts.rootfs)")
        meetForHooks()
        openTerminal(process, "/process", isConsole: false)
        builder.step(Operation(PLAN_CHROOT), .config("/root/path"), "chroot to \(facts.rootfs)")
    }

    /// No mount made from here on may show on the host.
    mutating func isolateTree() {
        let asked = config.linux?.rootfsPropagation
        let isPrivate = asked == .private || asked == .rprivate
        builder.step(
            Operation(
                PLAN_PROPAGATE, strings: (builder.string("/"), 0, 0, 0),
                numbers: ((isPrivate ? MS.PRIVATE : MS.SLAVE) | MS.REC, 0, 0, 0)),
            asked == nil ? .runtime : .config("/linux/rootfsPropagation"),
            "make / recursively \(isPrivate ? "private" : "slave")")
    }

    /// What `rootfsPropagation` asks for is true of the root only once it is the root.
    private mutating func spreadRoot() {
        guard let asked = config.linux?.rootfsPropagation else { return }
        let flags: UInt64
        switch asked {
        case .shared: flags = MS.SHARED
        case .rshared: flags = MS.SHARED | MS.REC
        case .unbindable: flags = MS.UNBINDABLE
        case .runbindable: flags = MS.UNBINDABLE | MS.REC
        case .private: flags = MS.PRIVATE
        case .rprivate: flags = MS.PRIVATE | MS.REC
        case .slave, .rslave: return
        }
        builder.step(
            Operation(PLAN_PROPAGATE, strings: (builder.string("/"), 0, 0, 0), numbers: (flags, 0, 0, 0)),
            .config("/linux/rootfsPropagation"), "make / \(asked.rawValue)")
    }

    /// Last of all mounts: what has to be filled first is made read-only when it is full.
    private mutating func makeReadOnly(_ root: Root) {
        for position in config.mounts.indices where isDeferredReadOnly(config.mounts[position]) {
            remountReadOnly(
                config.mounts[position].target, .config(Pointer("/mounts").index(position).key("options")))
        }
        guard root.readonly else { return }
        // The last moment to make the working directory, if it is missing; what stands in the way is told
        // when the process goes there.
        builder.step(
            Operation(
                PLAN_DIRECTORY, tolerated: [ENOTDIR, EROFS, EACCES, ELOOP],
                strings: (builder.string(config.process?.cwd ?? "/"), 0, 0, 0), numbers: (0o755, 0, 0, 0)),
            .config("/process/cwd"), "make the directory \(config.process?.cwd ?? "/")")
        remountReadOnly("/", .config("/root/readonly"))
    }

    mutating func remountReadOnly(_ path: String, _ origin: Failure.Origin) {
        var attributes = MountOptions.Attributes()
        attributes.add(UInt32(MOUNT_ATTR_RDONLY))
        builder.step(
            Operation(
                PLAN_REMOUNT, strings: (builder.string(path), 0, 0, 0),
                numbers: (attributes.packed, 0, 0, 0)),
            origin, "make \(path) read-only")
    }

    /// prestart and createRuntime run outside, createContainer inside, all before the old root goes away.
    /// The network devices come in before.
    private mutating func meetForHooks() {
        var actions: [Plan.Action] = []
        for kind in [HookKind.prestart, .createRuntime, .createContainer]
        where !kind.hooks(of: config.hooks).isEmpty {
            actions.append(.runHooks(kind))
        }
        if !actions.isEmpty { actions.insert(.record, at: 0) }
        // Hooks may look for the devices, sysctls may be about them.
        if let devices = config.linux?.netDevices, !devices.isEmpty {
            actions.insert(.moveNetDevices(devices), at: 0)
        }
        guard !actions.isEmpty else { return }
        // The hooks are told the pid, and may be told to look at the state. Some are to join the namespaces: of a
        // user namespace that nobody else is in.
        if config.hasNew(.user) { showItself() }
        builder.meet("hooks", actions)
        if config.hasNew(.user) { hideItself() }
    }

    mutating func hidePaths() {
        let pointer = Pointer("/linux")
        for (position, path) in (config.linux?.readonlyPaths ?? []).enumerated() {
            builder.step(
                Operation(PLAN_READONLY, strings: (builder.string(path), 0, 0, 0)),
                .config(pointer.key("readonlyPaths").index(position)), "make \(path) read-only")
        }
        for (position, path) in (config.linux?.maskedPaths ?? []).enumerated() {
            builder.step(
                Operation(
                    PLAN_MASK,
                    strings: (
                        builder.string(path), builder.string(labels.mount?.context.description ?? ""), 0, 0
                    )),
                .config(pointer.key("maskedPaths").index(position)), "mask \(path)")
        }
    }
}
