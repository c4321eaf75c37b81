import Cgroups
import Diagnosis
import Kernel
import LaunchPlan
import OCISpec

extension ContainerRuntime {
    /// Mounts more in a container: all of them, or none.
    ///
    /// - Parameter document: a JSON array of mounts as in config.json.
    public func addMounts(_ id: String, _ document: [UInt8]) throws(Failure) {
        let change = try MountChange(self, id)
        let mounts = try Mount.decodeList(document, hasUserNamespace: change.config.namespace(.user) != nil)
        try change.add(mounts)
    }

    /// Unmounts what is mounted at the destinations of such a document, in its order, up to the first failure.
    public func removeMounts(_ id: String, _ document: [UInt8]) throws(Failure) {
        let change = try MountChange(self, id)
        var targets: [(path: String, at: Pointer)] = []
        for (position, path) in try Mount.decodeTargets(document).enumerated() {
            targets.append((path, Pointer("").index(position).key("destination")))
        }
        try change.remove(targets)
    }
}

/// A change of the mounts of a container that has not ended.
private struct MountChange {
    let runtime: ContainerRuntime
    let record: ContainerRecord
    /// As it was at the creation.
    let config: Config
    let facts: HostFacts

    init(_ runtime: ContainerRuntime, _ id: String) throws(Failure) {
        ProcessControl.resetChildSignal()
        self.runtime = runtime
        let (directory, record) = try runtime.load(id)
        switch try record.status(in: directory) {
        case .created, .running, .paused: break
        case .creating, .stopped: throw Failure("container not running")
        }
        self.record = record
        config = try Config.decode(
            Failure.blaming { () throws(SystemError) in
                try FileTree.read(directory.configPath, limit: Config.maximumSize)
            })
        facts = try HostFacts.gather(
            config, rootfs: record.rootfs, id: record.id, cgroup: record.cgroup,
            host: try CgroupHost.detect())
    }

    func add(_ mounts: [Mount]) throws(Failure) {
        let change = try Compiler.compileAddition(of: mounts, config: config, facts: facts)
        let detached = try DetachedMounts(of: change.plan)
        guard let (failure, reached) = try run(change.plan, detached) else { return }
        let done = zip(mounts, change.steps).filter { $0.1 < reached }.map {
            (path: $0.0.target, at: Pointer(""))
        }
        if !done.isEmpty {
            do throws(Failure) {
                try remove(done.reversed())
            } catch {
                runtime.settings.warn("what was mounted before that stays: \(error)")
            }
        }
        throw failure
    }

    func remove(_ targets: [(path: String, at: Pointer)]) throws(Failure) {
        let plan = try Compiler.compileRemoval(of: targets, config: config, facts: facts)
        if let (failure, _) = try run(plan, try DetachedMounts(of: plan)) { throw failure }
    }

    /// - Returns: what went wrong, and in which step.
    private func run(
        _ plan: Plan, _ mounts: DetachedMounts
    ) throws(Failure) -> (failure: Failure, step: Int)? {
        if runtime.settings.debug {
            for line in plan.listing.split(separator: "\n") { runtime.settings.debugLog(String(line)) }
        }
        let stage = try Stage(plan, report: nil, cgroup: nil) { (source) throws(Failure) in
            switch source {
            case .proc: return try Failure.blaming { () throws(SystemError) in try ProcFS.open() }
            case .initProcess:
                guard let pidfd = try record.openInit() else { throw Failure("container not running") }
                return pidfd
            case .mount(let mount): return try mounts.open(mount)
            case .sync, .report, .fifo, .namespace, .cgroup, .legacyCgroup, .notifyDirectory:
                throw Failure("the plan asks for a descriptor that there is not")
            }
        }
        do throws(Failure) {
            guard try stage.proceed({ (_) throws(Failure) in }) == .closed else {
                throw Failure("the stage waits for what the plan does not have")
            }
        } catch {
            stage.kill()
            throw error
        }
        if stage.wait() == .exited(0) && stage.hasReachedExec { return nil }
        return (stage.diagnose(), stage.step)
    }
}
