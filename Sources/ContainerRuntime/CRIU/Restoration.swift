import CRIU
import Cgroups
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

/// A container on its way back from a checkpoint.
final class Restoration {
    private static let log = "restore.log"

    private let runtime: ContainerRuntime
    private let options: RestoreOptions
    let directory: StateDirectory
    private let bundle: Bundle
    private let program: Program
    private let image: CheckpointImage
    private let descriptors: [String]
    /// Copies of this process's standard descriptors: CRIU's own are for what CRIU prints.
    private let standard: [Int32]
    private let copies = DescriptorTable()
    private let namespaces: ExternalNamespaces
    private let configFile: String?
    private let host: CgroupHost
    private let request: CgroupRequest
    private let cgroup: ContainerCgroup
    private let facts: HostFacts
    private let intelRdt: IntelRdtRequest?
    private let mountPoints: Plan
    private let loopback: Plan?
    private let consoleSocket: String?
    private(set) var record: ContainerRecord

    private var console: Console?
    private var process: RestoredProcess?
    private var cgroupEnd = Teardown.CgroupEnd.leave
    private var ranHooks = false

    /// Everything that can be found out before anything is made: what is refused here leaves no trace.
    init(_ runtime: ContainerRuntime, _ id: String, _ options: RestoreOptions) throws(Failure) {
        ProcessControl.resetChildSignal()
        self.runtime = runtime
        self.options = options
        directory = try runtime.directory(id)
        if directory.exists { throw Failure("container with given ID already exists: \(id)") }
        try options.common.check()
        // Before the working directory changes.
        consoleSocket = try callerPath(options.consoleSocket, "--console-socket")
        let imagePath = try options.common.imageDirectory()
        let workPath = try options.common.workDirectory()
        bundle = try Bundle(entering: options.bundle, config: nil)
        let config = bundle.config
        try config.requireRestorable()
        configFile = try config.criuConfiguration()
        namespaces = try ExternalNamespaces(opening: config)
        host = try CgroupHost.managed(by: runtime.settings.cgroups)
        request = try runtime.settings.cgroupRequest(config, id: id, on: host)
        cgroup = try ContainerCgroup.planned(request, on: host)
        facts = try HostFacts.gather(
            config, rootfs: bundle.rootfs, id: id, cgroup: cgroup, host: host)
        intelRdt = try config.linux?.intelRdt.map { (wanted) throws(Failure) in
            try IntelRdtRequest(wanted, id: id)
        }
        mountPoints = try Compiler.compileMountPoints(config, facts: facts)
        loopback = try Compiler.compileLoopback(config, facts: facts)
        image = try CheckpointImage(of: imagePath, work: workPath)
        descriptors = try image.descriptors()
        standard = try Self.copies(in: copies)
        program = try Program()
        record = ContainerRecord(
            config: config, id: id, bundle: bundle.path, rootfs: bundle.rootfs, cgroup: cgroup,
            rootless: false)
        record.noNewKeyring = options.noNewKeyring
        record.externalDescriptors = try Self.replaced(descriptors)
    }

    /// What the standard descriptors are to be: this process's where they were pipes.
    private static func replaced(_ descriptors: [String]) throws(Failure) -> [String] {
        let own = try Failure.blaming { () throws(SystemError) in try StandardDescriptors.names() }
        return zip(descriptors, own).map { $0.hasPrefix("pipe:") ? $1 : $0 }
    }

    private static func copies(in table: DescriptorTable) throws(Failure) -> [Int32] {
        var numbers: [Int32] = []
        for number in Int32(0)...2 {
            numbers.append(
                table.keep(
                    try Failure.blaming { () throws(SystemError) in try StandardDescriptors.copy(number) }))
        }
        return numbers
    }

    // MARK: bringing it back

    /// On failure nothing is left of it.
    func run() throws(Failure) -> RestoredProcess {
        console = try Console(
            socket: consoleSocket, isWanted: bundle.config.process?.terminal == true,
            detaches: options.detaches)
        try directory.make()
        do throws(Failure) {
            try directory.save(record)
            try Failure.blaming { () throws(SystemError) in
                try FileTree.replace(directory.configPath, with: bundle.source, mode: 0o600)
            }
            if cgroup.unit != nil {
                cgroupEnd = .discard(try cgroup.prepare(request, on: host))
            } else {
                cgroupEnd = .discard(try cgroup.create(request, on: host))
                for warning in try cgroup.apply(request, on: host) { runtime.settings.warn(warning) }
            }
            if let intelRdt {
                record.intelRdt = try intelRdt.make()
                try directory.save(record)
            }
            try carryOut(mountPoints)
            try restore()
            guard let process else { throw Failure("criu restored a container without telling its pid") }
            return process
        } catch {
            throw abandon(error)
        }
    }

    /// Runs a plan that is of some use by the time it stops.
    private func carryOut(_ plan: Plan, on process: Int32 = 0) throws(Failure) {
        let stage = try Stage(plan, report: nil, cgroup: nil) { (source) throws(Failure) in
            try Failure.blaming { () throws(SystemError) in
                switch source {
                case .initProcess: try ProcessControl.open(pid: process)
                default: try ProcFS.open()
                }
            }
        }
        guard case .created = try stage.proceed({ (_) throws(Failure) in }) else { throw stage.diagnose() }
        stage.kill()
    }

    private func restore() throws(Failure) {
        let tree = UnifiedTreeOptions.current()
        defer { tree?.putBack() }
        let service = try start()
        defer { image.close() }
        var outcome = Service.Outcome.ended(nil)
        do throws(Failure) {
            // What CRIU makes is born in its own cgroup, whichever way it is to treat those of the images.
            try place(service.pid)
            var options = try criuOptions()
            options.cgroupRoots = try Self.cgroupRoots(of: service.pid)
            outcome = try service.perform(Request(.restore, options)) {
                (notification, descriptor: consuming FileDescriptor?) throws(Failure) in
                try self.act(notification, descriptor)
            }
        } catch {
            service.kill()
            throw error
        }
        guard case .answered(let response) = outcome, response.isSuccess else {
            service.kill()
            throw image.failure(
                doing: "restore \(record.id)", outcome, log: Self.log, words: service.lastWords())
        }
        service.end()
    }

    /// Starts CRIU where the root file system is a mount, as it wants it, and nobody else sees that.
    private func start() throws(Failure) -> Service {
        let handedOn = standard + namespaces.inherited.map(\.descriptor)
        try Failure.blaming { () throws(SystemError) in try ProcessControl.closeOnExec(from: 3) }
        // What CRIU brings back has CRIU's own.
        if !options.noNewKeyring {
            try Failure.blaming { () throws(SystemError) in
                try ProcessControl.joinKeyring(
                    "_ses.\(record.id)", othersMaySearch: bundle.config.hasNew(.user))
            }
        }
        var service: Service?
        var failure: Failure?
        try Failure.blaming { () throws(SystemError) in
            try PrivateMounts.within(binding: bundle.rootfs, movesRoot: options.noPivot) {
                do throws(Failure) {
                    try image.open()
                    service = try Failure.blaming { () throws(SystemError) in
                        try Service(
                            program.path, descriptors: handedOn,
                            // Images do not tell of it.
                            noNewPrivileges: bundle.config.process?.noNewPrivileges == true)
                    }
                } catch {
                    failure = error
                }
            }
        }
        guard let service else { throw failure ?? Failure("criu did not start") }
        return service
    }

    private func place(_ pid: Int32) throws(Failure) {
        try record.intelRdt?.add(pid: pid)
        if cgroup.unit != nil {
            let warnings = try cgroup.start(request, pid: pid, on: host)
            cgroupEnd = .remove
            try cgroup.legacy?.add(pid: pid)
            for warning in warnings { runtime.settings.warn(warning) }
        } else {
            try cgroup.add(pid: pid)
        }
    }

    private func criuOptions() throws(Failure) -> Options {
        var options = try image.options(options.common, log: Self.log)
        options.root = bundle.rootfs
        options.restoresSibling = true
        options.evasiveDevices = true
        options.configFile = configFile
        options.lsmProfile = self.options.lsmProfile
        options.lsmMountContext = self.options.lsmMountContext
        options.externalMounts = try ExternalMounts(bundle.config, facts).restored()
        options.joinedNamespaces = namespaces.joined
        for (name, number) in zip(descriptors, standard) where name.hasPrefix("pipe:") {
            options.inherited.append(Options.InheritedDescriptor(key: name, number: number))
        }
        for (key, number) in namespaces.inherited {
            options.inherited.append(Options.InheritedDescriptor(key: key, number: number))
        }
        return options
    }

    /// Lines of cgroup(7)'s `/proc/PID/cgroup`: `HIERARCHY:CONTROLLERS:PATH`.
    private static func cgroupRoots(of pid: Int32) throws(Failure) -> [Options.CgroupRoot] {
        let text = try Failure.blaming { () throws(SystemError) in
            try FileTree.readText("/proc/\(pid)/cgroup")
        }
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            return Options.CgroupRoot(controllers: String(parts[1]), path: String(parts[2]))
        }
    }

    // MARK: at CRIU's notifications

    private func act(
        _ notification: Response.Notification, _ descriptor: consuming FileDescriptor?
    ) throws(Failure) {
        runtime.settings.debugLog("criu: \(notification.script)")
        switch notification.script {
        case "orphan-pts-master":
            guard let descriptor else { throw Failure("criu told of a terminal without sending it") }
            try console?.take(descriptor)
        case "setup-namespaces":
            for kind in [HookKind.prestart, .createRuntime] { try runHooks(kind, notification.pid ?? 0) }
        case "post-restore":
            try note(notification.pid ?? 0)
        default: break
        }
    }

    private func runHooks(_ kind: HookKind, _ pid: Int32) throws(Failure) {
        let hooks = kind.hooks(of: bundle.config.hooks)
        if hooks.isEmpty { return }
        ranHooks = true
        var state = record.state(.creating)
        state.pid = pid
        try HookRunner(kind: kind, state: state).run(hooks)
    }

    /// The processes are there; from here on they may outlive the runtime.
    private func note(_ pid: Int32) throws(Failure) {
        process = try RestoredProcess(pid: pid)
        // As CRIU makes a network namespace, its `lo` is down.
        if let loopback { try carryOut(loopback, on: pid) }
        record.initPID = pid
        if cgroup.isEmpty && !record.hasPrivatePIDNamespace && bundle.config.hasNew(.mount) {
            record.mark = .find(mountNamespaceOf: pid)
        }
        record.initStart = try Failure.blaming { () throws(SystemError) in
            try ProcessRecord(pid: pid).startTime
        }
        record.hasRestoredClocks = try Failure.blaming { () throws(SystemError) in
            // A kernel without time namespaces has no such file.
            guard FileTree.exists("/proc/self/ns/time") else { return false }
            return try FileTree.readLink("/proc/\(pid)/ns/time") != FileTree.readLink("/proc/self/ns/time")
        }
        try directory.save(record)
    }

    // MARK: going on, and giving up

    /// Passes signals on to the init process until it has ended.
    func attend(
        _ process: RestoredProcess, _ signals: borrowing SignalQueue
    ) throws(Failure) -> ExitStatus {
        guard let console else { throw Failure("the container has no process") }
        return try console.attend(process, signals)
    }

    /// Undoes everything, and gives the reason back.
    func abandon(_ reason: Failure) -> Failure {
        if let process {
            process.signal(SIGKILL)
            _ = ProcessControl.wait(pid: process.pid)
        }
        record.intelRdt?.disown()
        for complaint in Teardown(
            record: record, directory: directory, cgroup: cgroupEnd, runsHooks: ranHooks
        ).run() {
            runtime.settings.warn(complaint)
        }
        return reason
    }
}
