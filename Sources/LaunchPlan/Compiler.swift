import CKernel
import CStage
import Capabilities
import Diagnosis
import Glibc
import Labels
import OCISpec
import Seccomp

/// Turns a configuration into a plan.
///
/// The order of the steps is the heart of the matter; it stands here, in one list, and the reasons for it
/// stand with the steps.
public struct Compiler {
    let config: Config
    let facts: HostFacts
    let options: LaunchOptions
    var builder = PlanBuilder()
    let labels: ConfiguredLabels
    /// Whether mounts are added to a container that runs: the host's paths are then out of the stage's reach.
    var joinsRunning = false
    /// Told of what takes long when it begins, and nothing when it ends: a caller that takes times.
    var watch: ((_ phase: String?) -> Void)?
    /// Where the arena holds the process's environment.
    var environment: (offset: UInt32, count: Int) = (0, 0)

    init(_ config: Config, _ facts: HostFacts, _ options: LaunchOptions) throws(Failure) {
        self.config = config
        self.facts = facts
        self.options = options
        labels = try ConfiguredLabels(config, facts.lsm)
    }

    /// The plan of a container's init process.
    ///
    /// - Parameters:
    ///   - config: decoded and validated.
    ///   - watch: told of what takes long when it begins, and nothing when it ends.
    /// - Throws: a failure at the field that this runtime or this host cannot honour.
    public static func compile(
        _ config: Config, facts: HostFacts, options: LaunchOptions, watch: ((_ phase: String?) -> Void)? = nil
    ) throws(Failure) -> Plan {
        guard let process = config.process else { throw Failure(at: "/process", "required") }
        var compiler = try Compiler(config, facts, options)
        compiler.watch = watch
        try compiler.compileInit(process)
        return compiler.builder.plan
    }

    private mutating func compileInit(_ process: Process) throws(Failure) {
        // Handlers and masks are inherited across clone and exec; what the runtime ignores or blocks for
        // itself is nothing to the container.
        _ = builder.slot(.report)
        // Several steps reach what they hold by descriptor through procfs, where the kernel has no better way.
        _ = builder.slot(.proc)
        builder.step(Operation(PLAN_SIGNALS), .runtime, "reset signals")

        try enterNamespaces()
        builder.call(PLAN_CALL_setsid, (0, 0, 0), .runtime, "start a session")
        joinKeyring()
        bringUpLoopback()

        try enterRootfs(process)

        nameHost()
        armAppArmor()
        writeSysctls()
        hidePaths()
        try finish(process, at: "/process")
    }

    /// What is left once the process sees nothing but its root file system, up to the exec.
    mutating func finish(_ process: Process, at pointer: Pointer) throws(Failure) {
        setAttributes(process, pointer)
        try setMemoryPolicy()
        layOutEnvironment(process)
        changeDirectory(process, pointer, retry: false)
        var actions: [Plan.Action] = []
        if !process.terminal, let owner = outsideOwner(process.user.uid) {
            // What the host opened belongs to nobody in there: the runtime has to give it away.
            actions.append(
                .giveStandardDescriptors(uid: owner, gid: Self.outside(0, config.linux?.gidMappings ?? [])))
            builder.step(
                Operation(PLAN_STDIO, flags: UInt32(PLAN_STDIO_KEEP_OWNER)), .runtime,
                "open the null device anew")
        } else {
            builder.step(
                Operation(PLAN_STDIO, numbers: (UInt64(process.user.uid), 0, 0, 0)),
                .config(pointer.key("user").key("uid")), "give the standard descriptors to the user")
        }

        // All that the runtime has to do happens before the filter: a profile need not allow a socket's calls.
        if config.namespace(.user) == nil {
            setLimits(process.rlimits, pointer.key("rlimits"))
        } else if !process.rlimits.isEmpty {
            // Only the host's CAP_SYS_RESOURCE raises a limit.
            actions.append(.setLimits(process.rlimits, at: pointer.key("rlimits")))
        }
        if options.wait == .never, let cpus = process.execCPUAffinity?.final {
            actions.append(.setAffinity(cpus, at: pointer.key("execCPUAffinity").key("final")))
        }
        if config.linux?.intelRdt != nil { actions.append(.joinResctrl) }
        actions += try schedulingActions(process, pointer)
        if options.wait != .never { actions.append(.record) }
        if !actions.isEmpty { builder.meet("ready", actions) }

        // Without no_new_privs only CAP_SYS_ADMIN may load a filter, and the next steps drop it.
        let filter = try seccompFilter()
        if let filter, !process.noNewPrivileges { loadFilter(filter) }
        try changeIdentity(process, pointer)
        changeDirectory(process, pointer, retry: true)
        lookUpExecutable(process, pointer)
        if options.wait != .never { strip() }
        // The listener goes to its agent while the runtime is there, which may leave before the start.
        let isEarly = filter?.hasListener == true
        if let filter, process.noNewPrivileges, isEarly { loadFilter(filter) }
        waitForStart()
        // With no_new_privs the filter comes as late as can be, so that it need not allow any of the above.
        if let filter, process.noNewPrivileges, !isEarly { loadFilter(filter) }
        execute(process, pointer)
    }

    private mutating func setLimits(_ limits: [RLimit], _ pointer: Pointer) {
        for (position, limit) in limits.enumerated() {
            builder.step(
                Operation(
                    PLAN_LIMIT,
                    numbers: (UInt64(limit.type.number), limit.soft, limit.hard, 0)),
                .config(pointer.index(position)),
                "set \(limit.type.rawValue) to \(limit.soft):\(limit.hard)")
        }
    }

    /// What a process inherits from the one that execs it, and no exec undoes.
    mutating func setAttributes(_ process: Process, _ pointer: Pointer) {
        if process.noNewPrivileges {
            builder.call(
                PLAN_CALL_prctl, (UInt64(PR_SET_NO_NEW_PRIVS), 1, 0), .config(pointer.key("noNewPrivileges")),
                "set no_new_privs")
        }
        setPersonality()
        armSELinux()
        builder.call(
            PLAN_CALL_umask, (UInt64(process.user.umask ?? 0o022), 0, 0),
            .config(pointer.key("user").key("umask")),
            "set the umask")
    }

    /// Who a user of a new user namespace is on the host.
    private func outsideOwner(_ uid: UInt32) -> UInt32? {
        guard config.hasNew(.user) else { return nil }
        return Self.outside(uid, config.linux?.uidMappings ?? [])
    }

    private static func outside(_ id: UInt32, _ mappings: [IDMapping]) -> UInt32? {
        for mapping in mappings where id >= mapping.containerID {
            let offset = id - mapping.containerID
            let (owner, overflows) = mapping.hostID.addingReportingOverflow(offset)
            if offset < mapping.size && !overflows { return owner }
        }
        return nil
    }

    private mutating func waitForStart() {
        switch options.wait {
        case .fifo:
            builder.step(
                Operation(PLAN_FIFO, slots: (builder.slot(.fifo), -1)), .runtime, "wait for the start")
        case .runtime:
            builder.meet("created", [.created])
        case .never:
            break
        }
    }
}

extension Operation {
    init(
        _ code: plan_opcode, flags: UInt32 = 0, tolerated: [Int32] = [], slots: (Int32, Int32) = (-1, -1),
        strings: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0),
        numbers: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0), length: UInt32 = 0
    ) {
        self.init(code)
        self.flags = flags
        self.tolerated = tolerated
        self.slots = slots
        self.strings = strings
        self.numbers = numbers
        self.length = length
    }
}
