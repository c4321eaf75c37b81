import Cgroups
import Diagnosis
import Glibc
import Kernel
import Labels
import LaunchPlan
import OCISpec

/// A container on its way from a bundle to a process that waits for its start.
final class Launch {
    let runtime: ContainerRuntime
    let directory: StateDirectory
    let bundle: Bundle
    let options: CreateOptions
    let wait: LaunchOptions.Wait
    private let trace: Trace?
    private let planned: LaunchOptions
    private(set) var facts: HostFacts
    private(set) var plan: Plan
    private let host: CgroupHost
    private let request: CgroupRequest
    private var cgroup: ContainerCgroup
    /// Of a new user namespace.
    private let idMaps: IDMaps?
    private(set) var record: ContainerRecord
    private let notify: NotifyProxy?
    private let intelRdt: IntelRdtRequest?
    private let consoleSocket: String?
    private let pidfdSocket: String?
    private var console: Console?
    private var stage: Stage?
    private var cgroupEnd = Teardown.CgroupEnd.leave
    private var limitsAreDue = false
    private var ranHooks = false
    private var netDevices: NetDeviceMove?
    private var preserved: Int
    private var mounts: DetachedMounts?

    /// Everything that can be found out before anything is made: what is refused here leaves no trace.
    init(
        _ runtime: ContainerRuntime, _ id: String, _ options: CreateOptions, wait: LaunchOptions.Wait
    ) throws(Failure) {
        // A caller that ignores it would have us wait for ever for children that leave no word.
        ProcessControl.resetChildSignal()
        self.runtime = runtime
        trace = runtime.settings.trace
        self.options = options
        self.wait = wait
        directory = try runtime.directory(id)
        if directory.exists { throw Failure("container with given ID already exists: \(id)") }
        // Before the working directory changes.
        consoleSocket = try callerPath(options.consoleSocket, "--console-socket")
        pidfdSocket = try callerPath(options.pidfdSocket, "--pidfd-socket")
        bundle = try Bundle(
            entering: options.bundle, config: try callerPath(options.config, "--config"), trace: trace)
        trace?.next("look at the host's cgroups", .config("/linux/cgroupsPath"))
        let config = bundle.config

        let activation = SocketActivation.current
        let (sum, overflows) = activation.descriptors.addingReportingOverflow(options.preserveFds)
        preserved = overflows ? .max : sum
        try PreservedDescriptors.prepare(preserved)

        let isRootless = runtime.settings.isRootless(privileged: HostFacts.hasHostRoot)
        try NetDeviceMove.check(config, isRootless: isRootless)
        intelRdt = try config.linux?.intelRdt.map { (wanted) throws(Failure) in
            try IntelRdtRequest(wanted, id: id)
        }
        host = try CgroupHost.managed(by: runtime.settings.cgroups)
        request = try runtime.settings.cgroupRequest(config, id: id, on: host)
        cgroup = try ContainerCgroup.planned(request, on: host)
        trace?.next("gather facts of the host")
        let capabilities = ProcessControl.permittedCapabilities
        try config.requireUserNamespace(capabilities: capabilities)
        idMaps = config.hasNew(.user) ? try IDMaps(config, capabilities: capabilities) : nil
        facts = try HostFacts.gather(
            config, rootfs: bundle.rootfs, id: id, cgroup: cgroup, host: host,
            deniesGroups: idMaps?.deniesGroups ?? (isRootless && IDMaps.deniesGroups(pid: nil)))
        if facts.isPrivileged { facts.closedSources = config.closedSources() }
        if cgroup.unit != nil {
            facts.clonesIntoCgroup = false
            facts.startsUnit = true
        }
        var planned = LaunchOptions(wait: wait)
        planned.noPivot = options.noPivot
        planned.noNewKeyring = options.noNewKeyring
        planned.preservedDescriptors = preserved
        planned.listenDescriptors = activation.descriptors
        notify = NotifyProxy(directory)
        planned.passesNotifySocket = notify != nil && config.hasNew(.mount)
        self.planned = planned
        trace?.next("compile the plan")
        plan = try Compiler.compile(config, facts: facts, options: planned, watch: trace?.watch)
        trace?.next("note what is to be made")
        try SeccompAgent.check(plan.listener, bundle: bundle.path)
        record = ContainerRecord(
            config: config, id: id, bundle: bundle.path, rootfs: bundle.rootfs,
            cgroup: cgroup, rootless: isRootless)
        record.noNewKeyring = options.noNewKeyring
        record.configPath = bundle.configPath
        if config.process?.terminal != true {
            record.externalDescriptors = try Failure.blaming { () throws(SystemError) in
                try StandardDescriptors.names()
            }
        }
        if runtime.settings.debug {
            runtime.settings.debugLog("cgroup: \(cgroup.isEmpty ? "none" : "\(cgroup.paths)")")
            for line in plan.listing.split(separator: "\n") { runtime.settings.debugLog(String(line)) }
        }
    }

    // MARK: making it

    /// Makes the container and brings it to its wait for the start.
    ///
    /// On failure nothing is left of it.
    func start() throws(Failure) {
        if notify != nil && !planned.passesNotifySocket {
            runtime.settings.warn(
                "NOTIFY_SOCKET: the container has no new mount namespace to be given one in")
        }
        for warning in plan.warnings { runtime.settings.warn(warning) }
        trace?.next("prepare the terminal and mounts")
        console = try Console(
            socket: consoleSocket, isWanted: bundle.config.process?.terminal == true,
            detaches: options.detaches)
        mounts = try DetachedMounts(of: plan)
        trace?.next("make the state directory", .option("--root"))
        try directory.make()
        do throws(Failure) {
            try directory.save(record)
            if planned.passesNotifySocket, let notify {
                try notify.prepare()
                if wait == .runtime { try notify.listen() }
            }
            trace?.next("make the cgroup", .config("/linux/cgroupsPath"))
            try makeCgroup()
            if let intelRdt {
                trace?.next("make the class of intelRdt", .config("/linux/intelRdt"))
                record.intelRdt = try intelRdt.make()
                // Nobody may find it later and not know whose it is.
                try directory.save(record)
            }
            if wait == .fifo {
                try Failure.blaming { () throws(SystemError) in
                    try FileTree.makeFIFO(directory.fifoPath, mode: 0o600)
                }
            }
            trace?.next("set the container up")
            try startStage()
            trace?.next("hand over")
            try handOverPidfd()
        } catch {
            throw abandon(error)
        }
    }

    private func handOverPidfd() throws(Failure) {
        guard let stage else { return }
        if let pidfdSocket {
            try HandOver(to: pidfdSocket, .option("--pidfd-socket"))
                .send(stage.pidfdNumber, named: "standard")
        }
        if let receiver = bundle.config.runtimeAnnotations.pidfdReceiver {
            let pointer = Pointer("/annotations").key(RuntimeAnnotations.pidfd)
            try HandOver(to: receiver, .config(pointer)).send(stage.pidfdNumber, named: "standard")
        }
    }

    private func makeCgroup() throws(Failure) {
        if cgroup.unit != nil {
            cgroupEnd = .discard(try cgroup.prepare(request, on: host))
            return
        }
        // Where there is no tree at all: what takes one is refused, but for a user's rules for devices.
        if cgroup.isEmpty && record.rootless && request.limits.isEmpty { return }
        do throws(Failure) {
            cgroupEnd = .discard(try cgroup.create(request, on: host))
        } catch {
            guard record.rootless else { throw error }
            return try goWithoutCgroup(error)
        }
        // A limit that the stage does not fit in is found out at its first steps, not somewhere in their midst. And it
        // needs its devices from the first step on.
        limitsAreDue = request.limits.isEmpty && !cgroup.withholdsDevices(applying: request)
        if !limitsAreDue { try applyLimits() }
    }

    private func applyLimits() throws(Failure) {
        trace?.begin("set the cgroup's limits", .config("/linux/resources"))
        for warning in try cgroup.apply(request, on: host) { runtime.settings.warn(warning) }
        trace?.end()
    }

    /// What is done while the stage sets the container up: nothing of it matters before the first rendezvous.
    private func complete() throws(Failure) {
        if limitsAreDue {
            limitsAreDue = false
            try applyLimits()
        }
        try Failure.blaming { () throws(SystemError) in
            try FileTree.replace(directory.configPath, with: bundle.source, mode: 0o600)
        }
        if let filter = plan.compiledFilter { try directory.save(filter) }
    }

    /// A user who was given no part of the tree, and asks for nothing that takes one, has a container all the same.
    private func goWithoutCgroup(_ refusal: Failure) throws(Failure) {
        guard request.isDispensable(after: refusal) else {
            var refusal = refusal
            refusal.remedy =
                "delegate a cgroup to this user (with systemd, Delegate=yes; or use --systemd-cgroup), or remove "
                + "linux.cgroupsPath and linux.resources"
            throw refusal
        }
        runtime.settings.debugLog("no cgroup: \(refusal)")
        cgroup = ContainerCgroup()
        facts.cgroup = host.kind == .unified ? .callers(directory: try host.ownDirectory()) : .none
        facts.legacyCgroups = []
        trace?.next("compile the plan anew")
        plan = try Compiler.compile(bundle.config, facts: facts, options: planned)
        record.cgroup = cgroup
        try directory.save(record)
    }

    /// Starts the stage: born in the cgroup, or, where clone3(2) refuses that, moved into it. The move may
    /// succeed, and if not, its errors are the better ones.
    private func startStage() throws(Failure) {
        let depth = trace?.depth ?? 0
        do throws(Failure) {
            try startStageOnce()
        } catch
            where facts.clonesIntoCgroup && !cgroup.isEmpty && error.isRefusedBirth
            && stage?.hasFailedToClone != false
        {
            runtime.settings.debugLog("cannot be born in its cgroup: \(error)")
            trace?.fail(error, leaving: depth)
            stage?.kill()
            stage = nil
            try Failure.blaming { () throws(SystemError) in try FileTree.unlink(directory.reportPath) }
            facts.clonesIntoCgroup = false
            plan = try Compiler.compile(bundle.config, facts: facts, options: planned)
            try startStageOnce()
        }
    }

    private func startStageOnce() throws(Failure) {
        let table = DescriptorTable()
        let birthplace: Int32? =
            if let unified = cgroup.unified, facts.clonesIntoCgroup {
                table.keep(try unified.directory())
            } else {
                nil
            }
        let stage = try Stage(
            plan, report: directory.reportPath, cgroup: birthplace, preserved: preserved,
            console: console, container: record.state(.creating), trace: trace
        ) { (source) throws(Failure) in try self.open(source) }
        self.stage = stage
        if runtime.settings.debug { runtime.settings.debugLog("the stage is process \(stage.pid)") }
        for action in plan.birthActions { try act(action) }
        try complete()
        switch try stage.proceed({ (action) throws(Failure) in try self.act(action) }) {
        case .created(let rendezvous):
            self.rendezvous = rendezvous
        case .closed:
            guard wait == .fifo, stage.isCreated, stage.isAlive else { throw diagnose() }
        }
    }

    private var rendezvous: Int32?

    private func open(_ source: Plan.DescriptorSource) throws(Failure) -> FileDescriptor {
        switch source {
        case .proc:
            return try Failure.blaming { () throws(SystemError) in try ProcFS.open() }
        case .fifo:
            return try Failure.blaming { () throws(SystemError) in
                try FileDescriptor.open(directory.fifoPath, O_RDWR | O_NOFOLLOW)
            }
        case .cgroup:
            guard let unified = cgroup.unified else { throw Failure("the container has no cgroup") }
            return try unified.directory()
        case .legacyCgroup(let path):
            return try Failure.blaming { () throws(SystemError) in try FileDescriptor.reference(path) }
        case .namespace(let kind, let path, let pointer):
            return try openNamespace(kind, path, pointer)
        case .mount(let mount):
            guard let mounts else { throw Failure("the plan asks for a mount that there is not") }
            return try mounts.open(mount)
        case .notifyDirectory:
            return try Failure.blaming(.option("NOTIFY_SOCKET")) { () throws(SystemError) in
                try MountTree.copy(directory.notifyPath, recursive: false)
            }
        case .sync, .report, .initProcess:
            throw Failure("the plan asks for a descriptor that there is not")
        }
    }

    private func openNamespace(
        _ kind: Namespace.Kind, _ path: String, _ pointer: Pointer
    ) throws(Failure) -> FileDescriptor {
        let file = try Failure.blaming(.config(pointer)) { () throws(SystemError) in
            try FileDescriptor.open(path, O_RDONLY)
        }
        guard let type = NamespaceFile.type(of: file) else {
            throw Failure(at: pointer, "\(path) is not a namespace file")
        }
        guard UInt64(UInt32(bitPattern: type)) == kind.cloneFlag else {
            let actual = Namespace.Kind.allCases.first { $0.cloneFlag == UInt64(UInt32(bitPattern: type)) }
            throw Failure(
                at: pointer,
                "\(path) is a \(actual?.rawValue ?? "different") namespace, not a \(kind.rawValue) namespace")
        }
        return file
    }

    // MARK: the plan's actions

    private func act(_ action: Plan.Action) throws(Failure) {
        guard let stage else { return }
        switch action {
        case .joinCgroup:
            try join(stage)
        case .mapIDs:
            try idMaps?.write(pid: stage.pid)
            if isUnbounded { record.mark = .mark(userNamespaceOf: stage.pid) }
        case .moveNetDevices(let devices):
            let move = try NetDeviceMove(pid: stage.pid)
            netDevices = move
            for device in devices { try move.move(device, transit: "apus-\(ProcessControl.ownPID)") }
        case .joinResctrl:
            try record.intelRdt?.add(pid: stage.pid)
        case .runHooks(let kind):
            try runHooks(kind)
        case .adjustOOMScore, .setLimits, .setAffinity, .giveStandardDescriptors, .setIOPriority:
            try stage.adjust(action)
        case .setScheduler:
            // As below, but here it must not wait: SCHED_DEADLINE takes a process that may run everywhere.
            ProcessControl.resetAffinity(pid: stage.pid)
            try stage.adjust(action)
        case .record:
            // A runtime that its caller pinned must not pin the container: its cgroup says where it may run.
            ProcessControl.resetAffinity(pid: stage.pid)
            record.initPID = stage.pid
            if isUnbounded && record.mark == nil && bundle.config.hasNew(.mount) {
                record.mark = .find(mountNamespaceOf: stage.pid)
            }
            record.initStart = try Failure.blaming { () throws(SystemError) in
                try ProcessRecord(pid: stage.pid).startTime
            }
            try directory.save(record)
        case .passListener, .created:
            break
        }
    }

    /// Whether nothing else would tell the container's processes from others once the init process has ended.
    var isUnbounded: Bool { cgroup.isEmpty && !record.hasPrivatePIDNamespace }

    private func join(_ stage: Stage) throws(Failure) {
        if cgroup.unit != nil { return try startUnit(around: stage) }
        do throws(Failure) {
            try cgroup.add(pid: stage.pid)
        } catch {
            var failure = error
            failure.origin = .config("/linux/cgroupsPath")
            if failure.errno == Errno(EBUSY) {
                failure.remedy =
                    "choose a cgroup that passes no controllers on to children (cgroup.subtree_control)"
            }
            throw failure
        }
    }

    private func startUnit(around stage: Stage) throws(Failure) {
        let warnings = try cgroup.start(request, pid: stage.pid, on: host)
        cgroupEnd = .remove
        // The hooks to come can be born in it.
        facts.clonesIntoCgroup = true
        facts.startsUnit = false
        for warning in warnings { runtime.settings.warn(warning) }
    }

    private func runHooks(_ kind: HookKind) throws(Failure) {
        guard let stage else { return }
        ranHooks = true
        var state = record.state(.creating)
        state.pid = kind == .createContainer ? ProcessControl.innerPID(of: stage.pid) : stage.pid
        var runner = HookRunner(kind: kind, state: state, trace: trace)
        if kind == .createContainer {
            runner.cgroup = cgroup
            runner.inContainer = { [self] (hook, position, stdio) throws(Failure) in
                try containerHook(hook, kind, position, stdio)
            }
        }
        try runner.run(kind.hooks(of: bundle.config.hooks))
    }

    private func containerHook(
        _ hook: Hook, _ kind: HookKind, _ position: Int, _ stdio: StandardReplacements
    ) throws(Failure) -> Stage {
        let plan = try Compiler.compileHook(
            hook, kind, position: position, config: bundle.config, facts: facts)
        let status: State.Status = kind == .startContainer ? .created : .creating
        return try Stage(
            plan, report: nil, cgroup: nil, stdio: stdio, container: record.state(status), trace: trace
        ) { [self] (source) throws(Failure) in
            guard case .initProcess = source else { return try open(source) }
            return try Failure.blaming { () throws(SystemError) in
                try ProcessControl.open(pid: stage?.pid ?? 0)
            }
        }
    }

    // MARK: going on, and giving up

    /// The init process's pid.
    var pid: Int32 { stage?.pid ?? 0 }

    /// Passes signals on to the init process until it has ended.
    func attend(_ signals: borrowing SignalQueue) throws(Failure) -> ExitStatus {
        guard let stage, let console else { throw Failure("the container has no process") }
        trace?.next("wait for the process's end")
        return try console.attend(stage, signals, notify)
    }

    /// Waits until the process says that it is ready, if somebody wants to know.
    func awaitReadiness() {
        guard let notify, let stage else { return }
        do throws(Failure) {
            try notify.wait(for: stage.pidfdNumber, pid: stage.pid)
        } catch {
            runtime.settings.warn("\(error)")
        }
    }

    /// In a `run`, what `start` does: startContainer hooks, go, poststart hooks.
    func go() throws(Failure) {
        guard let stage, let rendezvous else { return }
        trace?.next("let it go")
        do throws(Failure) {
            if !record.startContainerHooks.isEmpty {
                var state = record.state(.created)
                state.pid = ProcessControl.innerPID(of: record.initPID)
                var runner = HookRunner(kind: .startContainer, state: state, trace: trace)
                runner.cgroup = cgroup
                runner.inContainer = { [self] (hook, position, stdio) throws(Failure) in
                    try containerHook(hook, .startContainer, position, stdio)
                }
                try runner.run(record.startContainerHooks)
            }
            try stage.resume(rendezvous)
            guard try stage.proceed({ (_) throws(Failure) in }) == .closed else {
                throw Failure("the stage came to a rendezvous after the last")
            }
            // A failed exec has its own line on the container's stderr, and the exit status tells.
            guard stage.hasReachedExec else { throw diagnose() }
            // Whoever holds the network namespace keeps its devices from the host.
            netDevices = nil
            if !record.poststartHooks.isEmpty {
                try HookRunner(kind: .poststart, state: record.state(.running), trace: trace)
                    .run(record.poststartHooks)
            }
        } catch {
            throw abandon(error)
        }
    }

    /// Undoes everything, and gives the reason back.
    func abandon(_ reason: Failure) -> Failure {
        trace?.abandon(reason)
        stage?.kill()
        for complaint in netDevices?.giveBack() ?? [] { runtime.settings.warn(complaint) }
        record.intelRdt?.disown()
        for complaint in Teardown(
            record: record, directory: directory, cgroup: cgroupEnd, runsHooks: ranHooks, trace: trace
        ).run() {
            runtime.settings.warn(complaint)
        }
        return reason
    }

    private func diagnose() -> Failure {
        guard let stage else { return Failure("the stage did not start") }
        let failure = stage.diagnose()
        if case .killed(signal: SIGKILL)? = stage.wait(), cgroup.hasKilledForMemory {
            return Failure(
                .config("/linux/resources/memory/limit"), doing: failure.doing,
                reason: "container init was OOM-killed (memory limit too low?)")
        }
        if failure.errno == Errno(ENOMEM), cgroup.hasRunOutOfMemory {
            return Failure(
                .config("/linux/resources/memory/limit"), doing: failure.doing, errno: failure.errno,
                reason: "container init found no memory left (memory limit too low?)")
        }
        return failure
    }
}
