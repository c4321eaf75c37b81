import CStage
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

/// A running stage, and this runtime's side of their conversation:
///
///     runtime                         stage
///        │ clone3, execveat             │
///        │◀──────── CHILD pidfd ────────│ (where it clones the container's process itself)
///        │◀──────── SYNC n ─────────────│ at each rendezvous of the plan
///        │  does the plan's actions     │ waits
///        │───────── GO n ──────────────▶│
///        │                              │ (loads a seccomp filter with a listener,
///        │◀┄┄┄┄ descriptor, pidfd ┄┄┄┄┄┄│  shows it in the report, and waits
///        │┄┄┄┄┄┄┄┄┄ taken ┄┄┄┄┄┄┄┄┄┄┄┄┄▶│  for this word there)
///        │◀──────── (closed) ───────────│ created and waiting for `start`, or exec'd, or dead
final class Stage {
    let plan: Plan
    private let socket: Socket
    private let page: SharedPage
    /// The process the plan makes: the stage itself, or, once it has told, its child.
    private(set) var pid: Int32
    private(set) var pidfd: FileDescriptor
    private var hasEnded: ExitStatus?
    /// Takes the master of the process's terminal, when the plan makes one.
    private let console: Console?
    /// The container, as a seccomp agent is told of it.
    private let container: State?

    /// Why ``proceed(_:)`` came back.
    enum Pause: Equatable {
        /// The container is created, and goes on when told ``resume(_:)``.
        case created(rendezvous: Int32)
        /// The stage closed its end.
        case closed
    }

    /// Starts it.
    ///
    /// - Parameters:
    ///   - report: a file for the report page, or `nil` for one that has no name.
    ///   - cgroup: the cgroup v2 directory to be born in.
    ///   - preserved: how many descriptors from 3 on are passed through.
    ///   - stdio: replacements for the standard descriptors.
    ///   - console: takes the master of the terminal that the plan makes.
    ///   - container: what a seccomp agent is told, if the plan has one.
    ///   - open: opens what the plan's slots ask for, but for `sync` and `report`.
    init(
        _ plan: Plan, report: String?, cgroup: Int32?, preserved: Int = 0, stdio: [Int32?] = [nil, nil, nil],
        console: Console? = nil, container: State? = nil,
        opening open: (Plan.DescriptorSource) throws(Failure) -> FileDescriptor
    ) throws(Failure) {
        self.plan = plan
        self.console = console
        self.container = container
        let reportFile = try Self.reportFile(report)
        page = try Failure.blaming { () throws(SystemError) in
            try SharedPage(reportFile, size: Int(REPORT_SIZE))
        }
        let pair = try Failure.blaming { () throws(SystemError) in try Socket.pair() }
        let executable = try Failure.blaming(remedy: "see vm.memfd_noexec in sysctl(8)") {
            () throws(SystemError) in
            try ExecutableImage.open("apus-stage", words: stageImage, size: stageImageSize)
        }
        // Open in the stage from birth; closed here when this is done.
        let table = DescriptorTable()
        var slots: [Int: Int32] = [:]
        for (slot, source) in plan.descriptors {
            switch source {
            case .sync: slots[slot] = pair.far.number
            case .report: slots[slot] = reportFile.number
            default: slots[slot] = table.keep(try open(source))
            }
        }
        let image = try plan.image(descriptors: slots)
        let planFile = try Failure.blaming { () throws(SystemError) in
            try MemoryFile.sealed("apus-plan", image)
        }
        var request = LaunchRequest(
            executable: executable.number, arguments: ["apus-stage", String(planFile.number)])
        request.flags = plan.birthFlags
        request.cgroup = plan.clonesItself ? nil : cgroup
        request.keep = slots.values + [planFile.number] + (0..<preserved).map { Int32(3 + $0) }
        request.stdio = stdio
        let child = try Failure.blaming(.config("/linux/namespaces")) { () throws(SystemError) in
            try Child.launch(request)
        }
        pid = child.pid
        pidfd = child.takePidfd()
        socket = pair.takeNear()
    }

    private static func reportFile(_ path: String?) throws(Failure) -> FileDescriptor {
        try Failure.blaming { () throws(SystemError) in
            let file =
                if let path { try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600) } else {
                    try MemoryFile.plain("apus-report")
                }
            try file.resize(to: Int(REPORT_SIZE), name: "the report")
            return file
        }
    }

    // MARK: the conversation

    /// Serves the stage until it has nothing more to say, or says that the container is created.
    func proceed(_ act: (Plan.Action) throws(Failure) -> Void) throws(Failure) -> Pause {
        while true {
            let packet = try Failure.blaming { () throws(SystemError) in try socket.receive() }
            guard let message = Message(packet.bytes) else {
                if packet.bytes.isEmpty { return .closed }
                throw Failure("the stage sent a message that is none")
            }
            switch message.kind {
            case PLAN_MSG_CHILD.rawValue:
                guard let descriptor = packet.takeDescriptor() else {
                    throw Failure("the stage reported a child without a pidfd")
                }
                _ = ProcessControl.wait(pid: pid)
                pid = message.value
                pidfd = descriptor
            case PLAN_MSG_CONSOLE.rawValue:
                guard let master = packet.takeDescriptor(), let console else {
                    throw Failure("the stage reported a terminal that there is not")
                }
                try console.take(master)
            case PLAN_MSG_SYNC.rawValue:
                let number = Int(message.value)
                guard plan.rendezvous.indices.contains(number) else {
                    throw Failure("the stage came to a rendezvous that is none: \(number)")
                }
                var agent: SeccompAgent?
                for action in plan.rendezvous[number].actions {
                    switch action {
                    case .created: return .created(rendezvous: message.value)
                    case .passListener(let listener):
                        guard let container else { throw Failure("there is no container to tell of") }
                        agent = try SeccompAgent(listener, of: container)
                    default: try act(action)
                    }
                }
                try resume(message.value)
                if let agent { try passListener(to: agent) }
            default:
                throw Failure("the stage sent a message of unknown kind \(message.kind)")
            }
        }
    }

    /// Takes the listener from the stage as soon as it is there, gives it to the agent, and lets the stage go on. If
    /// the stage fails instead, the next ``proceed(_:)`` says so.
    private func passListener(to agent: consuming SeccompAgent) throws(Failure) {
        // The stage can make no call to tell: it is looked for, first without a pause, since it takes microseconds.
        for attempt in 0... {
            let isAlive = isAlive
            let report = StageReport(page.snapshot())
            if let number = report.listener {
                let listener = try Failure.blaming(.config("/linux/seccomp")) { () throws(SystemError) in
                    try ProcessControl.take(descriptor: number, of: pidfd, name: "the seccomp listener")
                }
                try agent.send(listener, of: pid)
                page.store(1, at: MemoryLayout<stage_report>.offset(of: \.taken) ?? 0)
                return
            }
            if !isAlive || report.hasFailed { return }
            if attempt > 100 { ProcessControl.sleep(milliseconds: 1) }
        }
    }

    /// Lets the stage go on from a rendezvous. If it is gone, the next ``proceed(_:)`` says so.
    func resume(_ rendezvous: Int32) throws(Failure) {
        do throws(SystemError) {
            try socket.send(Message(kind: PLAN_MSG_GO.rawValue, value: rendezvous).bytes)
        } catch  where error.errno == Errno(EPIPE) || error.errno == Errno(ECONNRESET) {
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// Whether it has done everything up to its wait for the start.
    var isCreated: Bool {
        let report = StageReport(page.snapshot())
        return !report.hasFailed && plan.steps.indices.contains(report.step)
            && plan.steps[report.step].op.code == PLAN_FIFO.rawValue
    }

    /// Whether it got as far as the last step: the exec, which may have failed.
    var hasReachedExec: Bool {
        let report = StageReport(page.snapshot())
        return report.step == plan.steps.count - 1
    }

    /// Where in the plan it is, or ended.
    var step: Int { StageReport(page.snapshot()).step }

    /// Whether what it failed at was cloning the container's process.
    var hasFailedToClone: Bool {
        let report = StageReport(page.snapshot())
        return report.hasFailed && plan.steps.indices.contains(report.step)
            && plan.steps[report.step].op.code == PLAN_CLONE.rawValue
    }

    func signal(_ signal: Int32) { try? ProcessControl.signal(pidfd, signal) }

    var pidfdNumber: Int32 { pidfd.number }

    /// Whether the process has not ended yet.
    var isAlive: Bool {
        guard hasEnded == nil, let ended = try? Poll.readable([pidfd.number], timeout: 0) else {
            return false
        }
        return !ended[0]
    }

    // MARK: the end

    /// Ends it, if it has not ended, and reaps it.
    @discardableResult
    func kill() -> ExitStatus? {
        if let hasEnded { return hasEnded }
        try? ProcessControl.signal(pidfd, SIGKILL)
        return wait()
    }

    /// Waits for its end.
    func wait() -> ExitStatus? {
        if hasEnded == nil { hasEnded = ProcessControl.wait(pid: pid) }
        return hasEnded
    }

    /// Records an end that was found out elsewhere.
    func noteEnd(_ status: ExitStatus) { hasEnded = status }

    /// Why it is not where it should be. Ends it.
    func diagnose() -> Failure {
        // Closing the socket is the last but one thing that a failed stage does; the next is its exit.
        if let ended = try? Poll.readable([pidfd.number], timeout: 2000), !ended[0] { kill() }
        let status = wait()
        return StageReport(page.snapshot()).failure(of: plan, status: status)
    }
}

/// plan_message.
private struct Message {
    var kind: UInt32
    var value: Int32

    init(kind: UInt32, value: Int32) {
        self.kind = kind
        self.value = value
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count == 8 else { return nil }
        kind = Self.word(bytes[0..<4])
        value = Int32(truncatingIfNeeded: Self.word(bytes[4..<8]))
    }

    var bytes: [UInt8] { Self.bytes(kind) + Self.bytes(UInt32(truncatingIfNeeded: value)) }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        #if _endian(little)
            return bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
        #else
            return bytes.reduce(0) { $0 << 8 | UInt32($1) }
        #endif
    }

    private static func bytes(_ word: UInt32) -> [UInt8] {
        let little = (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
        #if _endian(little)
            return little
        #else
            return little.reversed()
        #endif
    }
}
