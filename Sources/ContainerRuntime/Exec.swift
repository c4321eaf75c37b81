import Cgroups
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec
import Seccomp

extension ContainerRuntime {
    /// Runs a further process in a container, and, unless detached, stays until it ends.
    ///
    /// - Returns: the exit status to leave with: 0 if detached, else the process's.
    public func exec(_ id: String, _ request: ExecRequest) throws(Failure) -> Int32 {
        settings.trace?.next("load the container's state")
        let (directory, record) = try load(id)
        let status = try record.status(in: directory)
        switch status {
        case .stopped: throw Failure("cannot exec in a stopped container")
        case .creating: throw Failure("cannot exec in a container that is still being created")
        case .paused where !request.ignoresPause:
            throw Failure("cannot exec in a paused container (use --ignore-paused to override)")
        case .created, .running, .paused: break
        }
        let pidFile = try request.pidFile.map { (path) throws(Failure) in try PidFile(path) }
        let signals: SignalQueue? =
            request.detaches ? nil : try Failure.blaming { () throws(SystemError) in try SignalQueue() }
        let execution = try Execution(self, directory, record, request, status)
        let stage = try execution.start()
        do throws(Failure) {
            try pidFile?.write(stage.pid)
            if let socket = request.pidfdSocket {
                try HandOver(to: socket, .option("--pidfd-socket")).send(stage.pidfdNumber, named: "setns")
            }
        } catch {
            stage.kill()
            throw error
        }
        guard let signals else { return 0 }
        settings.trace?.next("wait for the process's end")
        return try execution.console.attend(stage, signals).shellStatus
    }
}

/// A process on its way into a container.
private struct Execution {
    let runtime: ContainerRuntime
    let record: ContainerRecord
    let request: ExecRequest
    private let config: Config
    private let process: ExecProcess
    private let filter: SeccompFilter?
    let console: Console
    /// Where the process is to be. Below the container's cgroup only if the caller says so.
    private let cgroup: ContainerCgroup
    private var facts: HostFacts
    /// The container's, for a seccomp agent.
    private let state: State

    /// Everything that can be found out before there is a process.
    init(
        _ runtime: ContainerRuntime, _ directory: StateDirectory, _ record: ContainerRecord,
        _ request: ExecRequest, _ status: State.Status
    ) throws(Failure) {
        // A caller that ignores it would have us wait for ever for children that leave no word.
        ProcessControl.resetChildSignal()
        self.runtime = runtime
        self.record = record
        state = record.state(status)
        self.request = request
        try PreservedDescriptors.prepare(request.preserveFds)
        let trace = runtime.settings.trace
        trace?.next("read what to run")
        var process = try ExecProcess(
            request, configPath: record.configPath ?? "\(record.bundle)/config.json")
        console = try Console(
            socket: request.consoleSocket, isWanted: process.process.terminal, detaches: request.detaches)
        trace?.next("decode config.json")
        // As it was at the creation: the bundle may have served for another container since.
        var config = try Config.decode(
            Failure.blaming { () throws(SystemError) in
                try FileTree.read(directory.configPath, limit: Config.maximumSize)
            })
        process.complete(from: config)
        self.process = process
        if record.hasRestoredClocks, config.namespace(.time) == nil {
            config.linux?.namespaces.append(Namespace(type: .time))
        }
        self.config = config
        filter = config.linux?.seccomp == nil ? nil : directory.savedFilter
        trace?.next("gather facts of the host")
        cgroup = try record.cgroup.below(request.cgroups)
        facts = try HostFacts.gather(
            config, rootfs: record.rootfs, id: record.id, cgroup: cgroup, host: try CgroupHost.detect(),
            deniesGroups: config.namespace(.user) != nil && IDMaps.deniesGroups(pid: record.initPID))
    }

    /// Brings the process to its exec.
    ///
    /// - Throws: if it does not get there; there is then no process.
    func start() throws(Failure) -> Stage {
        let trace = runtime.settings.trace
        trace?.next("start the process")
        let depth = trace?.depth ?? 0
        // A runtime that its caller pinned must not pin the process.
        if let cpus = process.process.execCPUAffinity?.initial {
            try setAffinity(
                pid: 0, cpus, process.pointer.key("execCPUAffinity").key("initial"))
        } else {
            ProcessControl.resetAffinity(pid: 0)
        }
        do throws(CloneRefusal) {
            return try start(bornIn: facts.clonesIntoCgroup ? cgroup.unified : nil)
        } catch {
            guard facts.clonesIntoCgroup, cgroup.unified != nil, error.isOfCgroup else { throw error.failure }
            trace?.fail(error.failure, leaving: depth)
            // A container that manages cgroups of its own has moved its init process further down: nothing can
            // live in the cgroup above. Where that is not the reason, the move will say what is.
            let own =
                request.cgroups.isEmpty ? try record.cgroup.unified?.current(ofProcess: record.initPID) : nil
            do throws(CloneRefusal) {
                return try start(bornIn: own == cgroup.unified ? nil : own)
            } catch {
                throw error.failure
            }
        }
    }

    /// A failure, and whether it may have been clone3(2)'s to put the process into a cgroup.
    private struct CloneRefusal: Error {
        var failure: Failure
        var isOfCgroup: Bool
    }

    /// - Parameter birthplace: `nil` to move the process after its birth.
    private func start(bornIn birthplace: Cgroup?) throws(CloneRefusal) -> Stage {
        var stage: Stage?
        do throws(Failure) {
            let begun = try begin(birthplace)
            stage = begun
            guard
                try begun.proceed({ (action) throws(Failure) in
                    switch action {
                    case .joinCgroup: try cgroup.add(pid: begun.pid)
                    case .joinResctrl: try record.intelRdt?.add(pid: begun.pid)
                    default: try begun.adjust(action)
                    }
                }) == .closed, begun.hasReachedExec
            else { throw begun.diagnose() }
            return begun
        } catch {
            stage?.kill()
            throw CloneRefusal(
                failure: error,
                isOfCgroup: birthplace != nil && error.isRefusedBirth && stage?.hasFailedToClone == true)
        }
    }

    private func begin(_ birthplace: Cgroup?) throws(Failure) -> Stage {
        var facts = facts
        facts.clonesIntoCgroup = birthplace != nil
        var options = LaunchOptions(wait: .never)
        options.noNewKeyring = record.noNewKeyring
        options.filter = filter
        options.preservedDescriptors = request.preserveFds
        let trace = runtime.settings.trace
        trace?.begin("compile the plan")
        let plan = try Compiler.compileExec(
            process.process, at: process.pointer, config: config, facts: facts, options: options,
            watch: trace?.watch)
        trace?.end()
        try SeccompAgent.check(plan.listener, bundle: record.bundle)
        for warning in plan.warnings { runtime.settings.warn(warning) }
        if runtime.settings.debug {
            for line in plan.listing.split(separator: "\n") { runtime.settings.debugLog(String(line)) }
        }
        return try Stage(
            plan, report: nil, cgroup: nil, preserved: request.preserveFds, console: console,
            container: state, trace: trace
        ) { (source) throws(Failure) in
            switch source {
            case .proc: return try Failure.blaming { () throws(SystemError) in try ProcFS.open() }
            case .cgroup:
                guard let birthplace else { throw Failure("the container has no cgroup") }
                return try birthplace.directory()
            case .legacyCgroup(let path):
                return try Failure.blaming { () throws(SystemError) in try FileDescriptor.reference(path) }
            case .initProcess:
                guard let pidfd = try record.openInit() else {
                    throw Failure("cannot exec in a stopped container")
                }
                return pidfd
            case .sync, .report, .fifo, .namespace, .mount, .notifyDirectory:
                throw Failure("the plan asks for a descriptor that there is not")
            }
        }
    }
}
