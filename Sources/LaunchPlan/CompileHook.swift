import CStage
import Diagnosis
import Glibc
import OCISpec

extension Compiler {
    /// The plan of a hook that runs in the container's namespaces while its init process waits.
    ///
    /// A createContainer hook sees the host's files, mounted as the container will have them, and is root. A
    /// startContainer hook is the image's own program: it gets what the container's process gets, and no more.
    ///
    /// - Parameter kind: `createContainer` or `startContainer`.
    public static func compileHook(
        _ hook: Hook, _ kind: HookKind, position: Int, config: Config, facts: HostFacts
    ) throws(Failure) -> Plan {
        guard var process = config.process else { throw Failure(at: "/process", "required") }
        var compiler = try Compiler(config, facts, LaunchOptions(wait: .runtime))
        let pointer = Pointer("/hooks").key(kind.rawValue).index(position)
        compiler.joinInit(.config(pointer))

        // Its output is the runtime's to read.
        process.terminal = false
        process.args = hook.args.isEmpty ? [hook.path] : hook.args
        switch kind {
        case .startContainer:
            try compiler.becomeContainerProcess(process, hook.env)
        default:
            process.env = hook.env ?? []
            process.cwd = facts.rootfs
            compiler.environment = compiler.builder.environment(process.env)
            compiler.changeDirectory(process, pointer, retry: false)
        }
        compiler.builder.step(
            Operation(
                PLAN_LOOKUP, strings: (compiler.builder.strings([hook.path]), 0, 0, 0), length: 1),
            .config(pointer.key("path")), "exec: \"\(hook.path)\"")
        compiler.execute(process, pointer)
        return compiler.builder.plan
    }

    /// Into the namespaces of a container that is there, by its init process.
    mutating func joinInit(_ origin: Failure.Origin) {
        builder.plan.clonesItself = true
        _ = builder.slot(.report)
        _ = builder.slot(.sync)
        _ = builder.slot(.proc)
        builder.step(Operation(PLAN_SIGNALS), .runtime, "reset signals")
        let namespaces = config.linux?.namespaces ?? []
        let flags = namespaces.filter { $0.type != .cgroup }
            .reduce(UInt64(0)) { $0 | $1.type.cloneFlag }
        let initProcess = namespaces.isEmpty ? -1 : builder.slot(.initProcess)
        if flags != 0 {
            builder.step(
                Operation(PLAN_SETNS, slots: (initProcess, -1), numbers: (flags, 0, 0, 0)),
                origin, "join the container's namespaces")
        }
        // A pid namespace takes in children only.
        var clone = Operation(PLAN_CLONE)
        if facts.hasOwnCgroup && facts.clonesIntoCgroup { clone.slots.0 = builder.slot(.cgroup) }
        builder.step(clone, origin, "clone into the container's namespaces")
        joinLegacyCgroups()
        if facts.cgroup != .none && !facts.clonesIntoCgroup { builder.meet("placed", [.joinCgroup]) }
        // Only now: a tree mounted with `nsdelegate` admits nobody from outside the cgroup namespace of who asks.
        if namespaces.contains(where: { $0.type == .cgroup }) {
            builder.step(
                Operation(
                    PLAN_SETNS, slots: (initProcess, -1),
                    numbers: (Namespace.Kind.cgroup.cloneFlag, 0, 0, 0)),
                origin, "join the container's cgroup namespace")
        }
        if config.namespace(.user) != nil {
            builder.call(
                PLAN_CALL_setresgid, tolerating: [EINVAL], origin, "become root")
            builder.call(
                PLAN_CALL_setresuid, tolerating: [EINVAL], origin, "become root")
        }
        builder.call(PLAN_CALL_setsid, (0, 0, 0), origin, "start a session")
    }

    private mutating func becomeContainerProcess(
        _ process: Process, _ ownEnvironment: [String]?
    ) throws(Failure) {
        let pointer = Pointer("/process")
        enterRoot(process, pointer)
        armAppArmor()
        setAttributes(process, pointer)
        if let ownEnvironment {
            environment = builder.environment(ownEnvironment)
        } else {
            layOutEnvironment(process)
        }
        changeDirectory(process, pointer, retry: false)
        let filter = try seccompFilter()
        if let filter, !process.noNewPrivileges { loadFilter(filter) }
        try changeIdentity(process, pointer)
        changeDirectory(process, pointer, retry: true)
        if let filter, process.noNewPrivileges { loadFilter(filter) }
    }
}

extension PlanBuilder {
    /// Variables in a row, as EXEC takes them.
    mutating func environment(_ variables: [String]) -> (offset: UInt32, count: Int) {
        (strings(variables), variables.count)
    }
}
