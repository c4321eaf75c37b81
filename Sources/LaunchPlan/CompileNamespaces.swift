import CKernel
import CStage
import Diagnosis
import Glibc
import OCISpec

extension Namespace.Kind {
    /// The CLONE_NEW* flag.
    public var cloneFlag: UInt64 {
        switch self {
        case .pid: UInt64(CLONE_NEWPID)
        case .network: UInt64(CLONE_NEWNET)
        case .mount: UInt64(CLONE_NEWNS)
        case .ipc: UInt64(CLONE_NEWIPC)
        case .uts: UInt64(CLONE_NEWUTS)
        case .user: UInt64(CLONE_NEWUSER)
        case .cgroup: UInt64(CLONE_NEWCGROUP)
        case .time: UInt64(CLONE_NEWTIME)
        }
    }
}

extension Config {
    /// The namespace of this kind, if the container does not share the runtime's.
    public func namespace(_ kind: Namespace.Kind) -> Namespace? {
        linux?.namespaces.first { $0.type == kind }
    }

    /// Whether the container gets a fresh namespace of this kind.
    public func hasNew(_ kind: Namespace.Kind) -> Bool {
        guard let namespace = namespace(kind) else { return false }
        return namespace.path == nil
    }
}

extension Compiler {
    /// Into the namespaces, by the shortest safe way.
    ///
    /// Where all of them are new and none is a user namespace, the stage is born in them. Else it is born
    /// outside, joins what there is to join, and clones the container's process: in a pid namespace that
    /// others live in already nobody must ever see the runtime's own executable behind `/proc/PID/exe`, and
    /// an exec in a user namespace whose IDs are not mapped yet would lose all capabilities.
    mutating func enterNamespaces() throws(Failure) {
        let namespaces = config.linux?.namespaces ?? []
        // A cgroup namespace is rooted where its maker is, so it is made after the move into the cgroup.
        // And the message queues of an IPC namespace belong to whoever makes it, who should be root.
        var later = Namespace.Kind.cgroup.cloneFlag
        if config.hasNew(.user) { later |= Namespace.Kind.ipc.cloneFlag }
        // The clocks of a time namespace can be set until the first process is in it (time_namespaces(7)).
        let setsClocks = config.linux?.timeOffsets.isEmpty == false && config.hasNew(.time)
        if setsClocks { later |= Namespace.Kind.time.cloneFlag }
        // Who is nobody outside can do so inside only, and needs one more child for the rest.
        let setsClocksInside = setsClocks && config.hasNew(.user) && !facts.isPrivileged
        var fresh: UInt64 = 0
        for namespace in namespaces where namespace.path == nil { fresh |= namespace.type.cloneFlag & ~later }
        let joins = namespaces.contains { $0.path != nil }
        let hasCgroup = facts.hasOwnCgroup

        // Lowering it below the inherited value takes a capability of the initial user namespace.
        let adjustment = config.process?.oomScoreAdj
        if joins || config.hasNew(.user) || setsClocks {
            builder.plan.clonesItself = true
            if !facts.isPrivileged { adjustOOMScore(adjustment, "/process") }
            joinNamespaces(namespaces)
            if setsClocks && !setsClocksInside { setClocks() }
            if config.hasNew(.user) { showItself() }
            if setsClocksInside {
                clone(Namespace.Kind.user.cloneFlag, intoCgroup: false)
            } else {
                clone(fresh, intoCgroup: hasCgroup)
            }
        } else {
            builder.plan.birthFlags = fresh
            if hasCgroup && facts.clonesIntoCgroup { _ = builder.slot(.cgroup) }
        }

        joinLegacyCgroups()
        var actions: [Plan.Action] = []
        if facts.startsUnit || hasCgroup && !facts.clonesIntoCgroup { actions.append(.joinCgroup) }
        if let adjustment, facts.isPrivileged || !builder.plan.clonesItself {
            actions.append(.adjustOOMScore(adjustment))
        }
        if config.hasNew(.user) { actions.append(.mapIDs) }
        let isOnlyScore = !actions.contains { if case .adjustOOMScore = $0 { false } else { true } }
        // A child that is already born is adjusted at any time; one that is yet to be cloned must be waited for.
        if !actions.isEmpty && (!isOnlyScore || builder.plan.clonesItself) {
            builder.meet("placed", actions)
        } else {
            builder.plan.birthActions = actions
        }
        if config.namespace(.user) != nil {
            // EINVAL: ID 0 is not mapped. The process then has capabilities and no name.
            builder.call(
                PLAN_CALL_setresgid, tolerating: [EINVAL], .config("/linux/gidMappings"),
                "become root in the user namespace")
            builder.call(
                PLAN_CALL_setresuid, tolerating: [EINVAL], .config("/linux/uidMappings"),
                "become root in the user namespace")
        }
        if config.hasNew(.user) { hideItself() }
        if setsClocksInside {
            setClocks()
            clone(fresh & ~Namespace.Kind.user.cloneFlag, intoCgroup: hasCgroup)
        }
        if config.hasNew(.user) && config.hasNew(.ipc) {
            builder.call(
                PLAN_CALL_unshare, (Namespace.Kind.ipc.cloneFlag, 0, 0), .config(pointer(to: .ipc)),
                "unshare the ipc namespace")
        }
        if config.hasNew(.cgroup) {
            builder.call(
                PLAN_CALL_unshare, (Namespace.Kind.cgroup.cloneFlag, 0, 0), .config(pointer(to: .cgroup)),
                "unshare the cgroup namespace")
        }
    }

    private mutating func clone(_ flags: UInt64, intoCgroup: Bool) {
        var op = Operation(PLAN_CLONE)
        op.numbers.0 = flags
        if intoCgroup && facts.clonesIntoCgroup { op.slots.0 = builder.slot(.cgroup) }
        _ = builder.slot(.sync)
        builder.step(op, .config("/linux/namespaces"), "clone into new namespaces")
    }

    /// Into the cgroups of the v1 hierarchies, where no process can be born.
    ///
    /// The stage moves itself. To move another process, or one of several threads, the kernel has all processors
    /// come by, so that nobody forks or ends meanwhile: 9 ms, where the one thread of the caller takes 10 µs.
    mutating func joinLegacyCgroups() {
        for cgroup in facts.legacyCgroups {
            var op = Operation(PLAN_WRITE)
            op.slots.0 = builder.slot(.legacyCgroup(cgroup.directory))
            op.strings.0 = builder.string("tasks")
            op.strings.1 = builder.string("0")
            builder.step(op, .config("/linux/cgroupsPath"), "enter the cgroup \(cgroup.directory)")
        }
    }

    /// Makes the time namespace that the next clone is in.
    private mutating func setClocks() {
        builder.call(
            PLAN_CALL_unshare, (Namespace.Kind.time.cloneFlag, 0, 0), .config(pointer(to: .time)),
            "unshare the time namespace")
        // One write: the kernel takes all of them or none.
        let offsets = (config.linux?.timeOffsets ?? [])
            .map { "\($0.clock.rawValue) \($0.secs) \($0.nanosecs)" }
        showItself()
        builder.writeProc(
            "self/timens_offsets", offsets.joined(separator: "\n"), .config("/linux/timeOffsets"),
            "set the clocks (\(offsets.joined(separator: ", ")))")
        hideItself()
    }

    /// By the stage itself, while it is the host's.
    mutating func adjustOOMScore(_ adjustment: Int?, _ pointer: Pointer) {
        guard let adjustment else { return }
        showItself()
        builder.writeProc(
            "thread-self/oom_score_adj", String(adjustment), .config(pointer.key("oomScoreAdj")),
            "set the OOM score adjustment \(adjustment)")
        hideItself()
    }

    private mutating func joinNamespaces(_ namespaces: [Namespace]) {
        // The host's root joins the others first: a namespace may belong to the host, and in the user
        // namespace it has no say over that. Without privilege it is the other way round: only the user
        // namespace gives the right to join the rest. The mount namespace comes last but for these, because
        // it brings another root directory, which the descriptors are opened before.
        let others = namespaces.filter { $0.path != nil && $0.type != .user && $0.type != .mount }
        let user = namespaces.filter { $0.path != nil && $0.type == .user }
        let mount = namespaces.filter { $0.path != nil && $0.type == .mount }
        for namespace in facts.isPrivileged ? others + mount + user : user + others + mount {
            guard let path = namespace.path else { continue }
            let pointer = pointer(to: namespace.type).key("path")
            var op = Operation(PLAN_SETNS)
            op.slots.0 = builder.slot(.namespace(namespace.type, path: path, at: pointer))
            op.numbers.0 = namespace.type.cloneFlag
            builder.step(op, .config(pointer), "join the \(namespace.type.rawValue) namespace \(path)")
        }
    }

    /// The pointer to the entry of this kind.
    func pointer(to kind: Namespace.Kind) -> Pointer {
        let position = config.linux?.namespaces.firstIndex { $0.type == kind } ?? 0
        return Pointer("/linux/namespaces").index(position)
    }

    mutating func bringUpLoopback() {
        guard config.hasNew(.network) else { return }
        builder.step(Operation(PLAN_LOOPBACK), .config(pointer(to: .network)), "bring up lo")
    }

    mutating func nameHost() {
        if let hostname = config.hostname {
            builder.step(
                Operation(PLAN_HOSTNAME, strings: (builder.string(hostname), 0, 0, 0)), .config("/hostname"),
                "set the host name to \(hostname)")
        }
        if let domainname = config.domainname {
            builder.step(
                Operation(
                    PLAN_HOSTNAME, flags: UInt32(PLAN_HOSTNAME_DOMAIN),
                    strings: (builder.string(domainname), 0, 0, 0)),
                .config("/domainname"), "set the domain name to \(domainname)")
        }
    }

    mutating func writeSysctls() {
        for sysctl in config.linux?.sysctl ?? [] {
            let path = "sys/" + sysctl.path
            builder.writeProc(
                path, sysctl.value, .config(Pointer("/linux/sysctl").key(sysctl.name)),
                "write \"\(sysctl.value)\" to /proc/\(path)")
        }
    }
}
