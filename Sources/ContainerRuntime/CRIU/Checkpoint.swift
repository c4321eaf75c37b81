import CRIU
import Cgroups
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

extension ContainerRuntime {
    /// Saves a container's processes with CRIU, and, unless told otherwise, ends and deletes it then.
    public func checkpoint(_ id: String, _ options: CheckpointOptions) throws(Failure) {
        ProcessControl.resetChildSignal()
        let (directory, record) = try load(id)
        let status = try record.status(in: directory)
        guard status == .running || status == .paused else {
            throw Failure("Container cannot be checkpointed in \(status.rawValue) state")
        }
        let checkpoint = try Checkpoint(self, directory, record, options, wasPaused: status == .paused)
        try checkpoint.run()
        if options.leavesRunning || options.isPreDump { return }
        try end(record)
        for complaint in Teardown(record: record, directory: directory).run() { settings.warn(complaint) }
    }
}

/// A container that is about to be saved.
private struct Checkpoint {
    private static let log = "dump.log"

    private let runtime: ContainerRuntime
    private let record: ContainerRecord
    private let options: CheckpointOptions
    private let wasPaused: Bool
    private let config: Config
    private let facts: HostFacts
    private let program: Program
    private let imagePath: String
    private let workPath: String?
    private let configFile: String?
    private let externalNamespaces: [String]
    private let pageServer: Options.PageServer?

    /// Everything that can be found out before anything is made.
    init(
        _ runtime: ContainerRuntime, _ directory: StateDirectory, _ record: ContainerRecord,
        _ options: CheckpointOptions, wasPaused: Bool
    ) throws(Failure) {
        self.runtime = runtime
        self.record = record
        self.options = options
        self.wasPaused = wasPaused
        try options.common.check()
        pageServer = try options.server()
        try options.checkStatusFd()
        imagePath = try options.common.imageDirectory()
        workPath = try options.common.workDirectory()
        if let parent = options.parentPath { try Self.check(parent: parent, of: imagePath) }
        config = try Config.decode(
            Failure.blaming { () throws(SystemError) in
                try FileTree.read(directory.configPath, limit: Config.maximumSize)
            })
        try config.requireRestorable()
        configFile = try config.criuConfiguration()
        externalNamespaces = try ExternalNamespaces.saved(config)
        facts = try HostFacts.gather(
            config, rootfs: record.rootfs, id: record.id, cgroup: record.cgroup,
            host: try CgroupHost.detect())
        program = try Program()
        if options.isPreDump { try program.require(.memoryTracking, for: "--pre-dump") }
        if options.common.lazyPages { try program.require(.lazyPages, for: "--lazy-pages") }
    }

    /// The earlier image is found again by a link in the new one.
    private static func check(parent: String, of image: String) throws(Failure) {
        if parent.utf8.first == UInt8(ascii: "/") {
            throw Failure(.option("--parent-path"), reason: "\(parent): must be relative to --image-path")
        }
        try Failure.blaming(.option("--parent-path")) { () throws(SystemError) in
            // The image's own directory need not be there yet, and is not linked to then.
            var path = "\(image)/\(parent)"
            if !FileTree.exists(image) { path = Mount(destination: path).target }
            guard try FileTree.status(path).isDirectory else {
                throw SystemError("open \(path)", Errno(ENOTDIR))
            }
        }
    }

    func run() throws(Failure) {
        let image = try CheckpointImage(making: imagePath, work: workPath)
        defer { image.close() }
        let request = Request(options.isPreDump ? .preDump : .dump, try self.request(image))
        if !options.isPreDump { try image.save(descriptors: record.externalDescriptors) }
        let tree = UnifiedTreeOptions.current()
        defer { tree?.putBack() }
        // Nothing of the caller's gets as far as CRIU.
        try Failure.blaming { () throws(SystemError) in try ProcessControl.closeOnExec(from: 3) }
        let service = try Failure.blaming { () throws(SystemError) in
            try Service(program.path)
        }
        var outcome = Service.Outcome.ended(nil)
        var failure: Failure?
        do throws(Failure) {
            outcome = try service.perform(request) {
                (notification, _: consuming FileDescriptor?) throws(Failure) in
                runtime.settings.debugLog("criu: \(notification.script)")
                if notification.script == "status-ready" { try tellReady() }
            }
        } catch {
            failure = error
        }
        if case .answered(let response) = outcome, response.isSuccess, failure == nil {
            // After a pre-dump it waits for the next one, which would be another command's.
            if options.isPreDump { service.kill() } else { service.end() }
            return
        }
        service.kill()
        thaw()
        throw failure
            ?? image.failure(
                doing: "checkpoint \(record.id)", outcome, log: Self.log, words: service.lastWords())
    }

    private func request(_ image: CheckpointImage) throws(Failure) -> Options {
        var request = try image.options(options.common, log: Self.log)
        request.pid = record.initPID
        request.root = record.rootfs
        request.leaveRunning = options.leavesRunning
        request.tcpSkipInFlight = options.tcpSkipInFlight
        request.linkRemap = options.linkRemap
        request.pageServer = pageServer
        request.configFile = configFile
        request.external = externalNamespaces
        request.freezerCgroup = try record.cgroup.freezerPath()
        if let parent = options.parentPath {
            request.parentImage = parent
            request.trackMemory = true
        }
        if !options.isPreDump {
            request.externalMounts = try ExternalMounts(config, facts).saved(pid: record.initPID)
        }
        return request
    }

    /// Memory can be had from CRIU now.
    private func tellReady() throws(Failure) {
        guard let descriptor = options.statusFd else { return }
        try Failure.blaming(.option("--status-fd")) { () throws(SystemError) in
            try FileDescriptor(owning: descriptor).writeAll([0], name: "descriptor \(descriptor)")
        }
    }

    /// CRIU lets the processes go, unless it was killed.
    private func thaw() {
        guard !wasPaused, (try? record.cgroup.isFrozen()) == true else { return }
        do throws(Failure) {
            try record.cgroup.thaw()
        } catch {
            runtime.settings.warn("the container stays paused: \(error)")
        }
    }
}
