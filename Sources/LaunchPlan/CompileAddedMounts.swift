import CStage
import Diagnosis
import Glibc
import OCISpec

extension Compiler {
    /// A plan that changes the mounts of a container that has its root already.
    public struct MountChange: Sendable {
        public var plan: Plan
        /// The step by which each of the mounts is made.
        public var steps: [Int] = []
    }

    /// Mounts more in a container, whatever its processes do meanwhile.
    ///
    /// What comes from the host is made by the runtime and handed over: the stage joins the container's mount
    /// namespace, where no path of the host's is left, but not its pid namespace, where others could see it.
    ///
    /// - Parameters:
    ///   - mounts: a document of its own; errors point into it.
    ///   - config: the container's.
    public static func compileAddition(
        of mounts: [Mount], config: Config, facts: HostFacts
    ) throws(Failure) -> MountChange {
        var compiler = try Compiler(config, facts, LaunchOptions(wait: .never))
        compiler.joinsRunning = true
        try compiler.joinMounts()
        var steps: [Int] = []
        for (position, mount) in mounts.enumerated() {
            let pointer = Pointer("").index(position)
            try compiler.refuseAddition(of: mount, pointer)
            steps.append(compiler.builder.plan.steps.count)
            try compiler.make(mount, pointer)
            if mount.isDeferredReadOnly {
                compiler.remountReadOnly(mount.target, .config(pointer.key("options")))
            }
        }
        compiler.builder.step(Operation(PLAN_DONE), .runtime, "end")
        return MountChange(plan: compiler.builder.plan, steps: steps)
    }

    /// Unmounts what is mounted at these paths, in this order.
    public static func compileRemoval(
        of targets: [(path: String, at: Pointer)], config: Config, facts: HostFacts
    ) throws(Failure) -> Plan {
        var compiler = try Compiler(config, facts, LaunchOptions(wait: .never))
        try compiler.joinMounts()
        for target in targets {
            compiler.builder.step(
                Operation(PLAN_UNMOUNT, strings: (compiler.builder.string(target.path), 0, 0, 0)),
                .config(target.at), "unmount \(target.path)")
        }
        compiler.builder.step(Operation(PLAN_DONE), .runtime, "end")
        return compiler.builder.plan
    }

    private mutating func joinMounts() throws(Failure) {
        guard config.hasNew(.mount) else {
            throw Failure("the container has no mount namespace of its own", remedy: "mount on the host")
        }
        _ = builder.slot(.report)
        _ = builder.slot(.sync)
        _ = builder.slot(.proc)
        builder.step(Operation(PLAN_SIGNALS), .runtime, "reset signals")
        // What a new file system shows, and who owns it, depends on the namespaces of its maker.
        let flags = [Namespace.Kind.user, .mount, .network, .ipc].filter { config.namespace($0) != nil }
            .reduce(UInt64(0)) { $0 | $1.cloneFlag }
        builder.step(
            Operation(PLAN_SETNS, slots: (builder.slot(.initProcess), -1), numbers: (flags, 0, 0, 0)),
            .runtime, "join the container's namespaces")
        if config.namespace(.user) != nil {
            builder.call(PLAN_CALL_setresgid, tolerating: [EINVAL], .runtime, "become root")
            builder.call(PLAN_CALL_setresuid, tolerating: [EINVAL], .runtime, "become root")
        }
        builder.step(
            Operation(PLAN_ROOTFS, flags: UInt32(PLAN_ROOTFS_PLAIN), strings: (builder.string("/"), 0, 0, 0)),
            .runtime, "open the container's root")
    }

    private func refuseAddition(of mount: Mount, _ pointer: Pointer) throws(Failure) {
        let options = MountOptions(mount.options)
        if options.isRemount {
            throw Failure(
                at: pointer.key("options"), "\"remount\" changes a mount; only new ones can be added",
                remedy: "remove the mount, and add it with other options")
        }
        if options.remakesLink {
            throw Failure(
                at: pointer.key("options"), "\"copy-symlink\" makes no mount, which could be added")
        }
        if mount.isBind && !facts.isPrivileged {
            throw Failure(
                at: pointer.key("source"),
                "only the host's root can bring a path of the host into a container")
        }
        if !mount.isBind && (mount.isCgroup || mount.type == "proc") {
            throw Failure(
                at: pointer.key("type"),
                "a file system of type \(mount.type ?? "") shows the namespaces of its maker, and cannot be added from outside",
                remedy: "configure it in config.json, or mount it by exec")
        }
    }
}
