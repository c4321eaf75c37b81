import Cgroups
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

extension ContainerRuntime {
    /// Lets a created container's process go (runtime.md, "Start").
    public func start(_ id: String) throws(Failure) {
        let (directory, record) = try load(id)
        switch try record.status(in: directory) {
        case .created: break
        case .stopped: throw Failure("cannot start a container that has stopped")
        case .creating: throw Failure("cannot start a container that is still being created")
        case .running: throw Failure("cannot start an already running container")
        case .paused: throw Failure("cannot start a container in the paused state", remedy: "resume it first")
        }
        guard let pidfd = try record.openInit() else {
            throw Failure("cannot start a container that has stopped")
        }
        let notify = NotifyProxy(directory)
        if let notify, notify.isPrepared { try notify.listen() }
        try runStartContainerHooks(directory, record)
        try release(directory)
        try runPoststartHooks(record, pidfd)
        do throws(Failure) {
            try notify?.wait(for: pidfd.number, pid: record.initPID)
        } catch {
            // The container runs, whoever hears of it.
            settings.warn("\(error)")
        }
    }

    private func runPoststartHooks(
        _ record: ContainerRecord, _ pidfd: borrowing FileDescriptor
    ) throws(Failure) {
        guard !record.poststartHooks.isEmpty else { return }
        do throws(Failure) {
            record.enterBundle()
            try HookRunner(kind: .poststart, state: record.state(.running)).run(record.poststartHooks)
        } catch {
            try? ProcessControl.signal(pidfd, SIGKILL)
            throw error
        }
    }

    /// Writes the byte that the process waits for. Of two who try at once, one takes the FIFO away.
    private func release(_ directory: StateDirectory) throws(Failure) {
        let path = directory.fifoPath
        do throws(SystemError) {
            // Non-blocking: with the process dead nobody holds the other end.
            let fifo = try FileDescriptor.open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW)
            try FileTree.unlink(path)
            try fifo.write("0", name: path)
        } catch  where error.errno == Errno(ENXIO) {
            throw Failure("cannot start a container that has stopped")
        } catch  where error.errno == Errno(ENOENT) {
            throw Failure("cannot start an already running container")
        } catch {
            throw Failure(.runtime, error)
        }
    }

    private func runStartContainerHooks(
        _ directory: StateDirectory, _ record: ContainerRecord
    ) throws(Failure) {
        guard !record.startContainerHooks.isEmpty else { return }
        let bytes = try Failure.blaming { () throws(SystemError) in
            try FileTree.read(directory.configPath, limit: Config.maximumSize)
        }
        let config = try Config.decode(bytes)
        let cgroup = record.cgroup
        let facts = try HostFacts.gather(
            config, rootfs: record.rootfs, id: record.id, cgroup: cgroup, host: try CgroupHost.detect())
        var state = record.state(.created)
        state.pid = ProcessControl.innerPID(of: record.initPID)
        var runner = HookRunner(kind: .startContainer, state: state)
        runner.cgroup = cgroup
        runner.inContainer = { (hook, position, stdio) throws(Failure) in
            let plan = try Compiler.compileHook(
                hook, .startContainer, position: position, config: config, facts: facts)
            return try Stage(
                plan, report: nil, cgroup: nil, stdio: stdio, container: record.state(.created)
            ) { (source) throws(Failure) in
                switch source {
                case .proc: return try Failure.blaming { () throws(SystemError) in try ProcFS.open() }
                case .cgroup:
                    guard let unified = cgroup.unified else {
                        throw Failure("the container has no cgroup")
                    }
                    return try unified.directory()
                case .legacyCgroup(let path):
                    return try Failure.blaming { () throws(SystemError) in try FileDescriptor.reference(path)
                    }
                case .initProcess:
                    guard let pidfd = try record.openInit() else {
                        throw Failure("cannot start a container that has stopped")
                    }
                    return pidfd
                case .sync, .report, .fifo, .namespace, .mount,
                    .notifyDirectory:
                    throw Failure("the plan asks for a descriptor that there is not")
                }
            }
        }
        do throws(Failure) {
            try runner.run(record.startContainerHooks)
        } catch {
            // runtime.md, "Lifecycle": the container is stopped and goes on with step 12.
            if let pidfd = try record.openInit() { try? ProcessControl.signal(pidfd, SIGKILL) }
            throw error
        }
    }
}
