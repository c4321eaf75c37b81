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
///        │  does the plan's actions     │ waits, unless it only tells
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
    private let trace: StageTrace?

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
    ///   - timeline: takes the times of its steps.
    ///   - open: opens what the plan's slots ask for, but for `sync` and `report`.
    init(
        _ plan: Plan, report: String?, cgroup: Int32?, preserved: Int = 0,
        stdio: StandardReplacements = StandardReplacements(),
        console: Console? = nil, container: State? = nil, trace timeline: Trace? = nil,
        opening open: (Plan.DescriptorSource) throws(Failure) -> FileDescriptor
    ) throws(Failure) {
        self.plan = plan
        self.console = console
        self.container = container
        timeline?.begin("start the stage")
        timeline?.begin("make the report")
        let reportSize =
            timeline == nil ? Int(REPORT_SIZE) : StageTimes.reportSize(steps: plan.steps.count)
        let reportFile = try Self.reportFile(report, size: reportSize)
        page = try Failure.blaming { () throws(SystemError) in
            try SharedPage(reportFile, size: reportSize)
        }
        let pair = try Failure.blaming { () throws(SystemError) in try Socket.pair() }
        timeline?.next("seal the stage")
        let executable = try Failure.blaming(remedy: "see vm.memfd_noexec in sysctl(8)") {
            () throws(SystemError) in
            try ExecutableImage.open("apus-stage", words: stageImage, size: stageImageSize)
        }
        timeline?.next("open what the plan works on")
        // Open in the stage from birth; closed here when this is done.
        let table = DescriptorTable()
        var slots = [Int32](repeating: -1, count: Int(PLAN_SLOTS))
        var kept: [Int32] = []
        for descriptor in plan.descriptors {
            let number: Int32
            switch descriptor.source {
            case .sync: number = pair.far.number
            case .report: number = reportFile.number
            default: number = table.keep(try open(descriptor.source))
            }
            kept.append(number)
            // What has no slot is missed by the stage's verifier.
            if slots.indices.contains(descriptor.slot) { slots[descriptor.slot] = number }
        }
        timeline?.next("seal the plan")
        let image = try plan.image(descriptors: slots, isTimed: timeline != nil)
        let planFile = try Failure.blaming { () throws(SystemError) in
            try MemoryFile.sealed("apus-plan", image)
        }
        var request = LaunchRequest(
            executable: executable.number, arguments: ["apus-stage", String(Int(planFile.number))])
        request.flags = plan.birthFlags
        request.cgroup = plan.clonesItself ? nil : cgroup
        kept.append(planFile.number)
        for position in 0..<preserved { kept.append(Int32(3 + position)) }
        request.keep = kept
        request.stdio = stdio
        timeline?.next("clone the process", .config("/linux/namespaces"))
        let born = timeline.map { _ in CounterReading.now() }
        let child = try Failure.blaming(.config("/linux/namespaces")) { () throws(SystemError) in
            try Child.launch(request)
        }
        pid = child.pid
        pidfd = child.takePidfd()
        socket = pair.takeNear()
        if let timeline, let born {
            trace = StageTrace(timeline, plan, pid, born: born)
        } else {
            trace = nil
        }
        timeline?.end()
        timeline?.end()
    }

    deinit { trace?.collect(page.snapshot(), ended: hasEnded) }

    private static func reportFile(_ path: String?, size: Int) throws(Failure) -> FileDescriptor {
        try Failure.blaming { () throws(SystemError) in
            let file =
                if let path { try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600) } else {
                    try MemoryFile.plain("apus-report")
                }
            try file.resize(to: size, name: "the report")
            return file
        }
    }

    // MARK: the conversation

    /// Serves the stage until it has nothing more to say, or says that the container is created.
    func proceed(_ act: (Plan.Action) throws(Failure) -> Void) throws(Failure) -> Pause {
        trace?.timeline.begin("wait for the stage")
        let pause = try serve(act)
        trace?.timeline.end()
        if pause == .closed { trace?.noteClosed() }
        return pause
    }

    private func serve(_ act: (Plan.Action) throws(Failure) -> Void) throws(Failure) -> Pause {
        while true {
            let packet = try Failure.blaming { () throws(SystemError) in try socket.receive() }
            guard let message = StageMessage(packet.bytes) else {
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
                trace?.noteChild(pid)
            case PLAN_MSG_CONSOLE.rawValue:
                guard let master = packet.takeDescriptor(), let console else {
                    throw Failure("the stage reported a terminal that there is not")
                }
                try console.take(master)
            case PLAN_MSG_SYNC.rawValue:
                if let pause = try meet(message.value, act) { return pause }
            default:
                throw Failure("the stage sent a message of unknown kind \(message.kind)")
            }
        }
    }

    /// Does what there is to do at a rendezvous, and lets the stage go on, unless there is a reason to pause.
    ///
    /// Where the record comes last, the stage need not wait for it: it is saved while the stage does its last steps.
    private func meet(
        _ rendezvous: Int32, _ act: (Plan.Action) throws(Failure) -> Void
    ) throws(Failure) -> Pause? {
        let number = Int(rendezvous)
        guard plan.rendezvous.indices.contains(number) else {
            throw Failure("the stage came to a rendezvous that is none: \(number)")
        }
        trace?.timeline.begin("rendezvous: \(plan.rendezvous[number].name)")
        var agent: SeccompAgent?
        var actions = plan.rendezvous[number].actions[...]
        let records = actions.last == .record
        if records { actions.removeLast() }
        for action in actions {
            trace?.timeline.begin(action.listing)
            switch action {
            case .created:
                trace?.timeline.end()
                trace?.timeline.end()
                return .created(rendezvous: rendezvous)
            case .passListener(let listener):
                guard let container else { throw Failure("there is no container to tell of") }
                agent = try SeccompAgent(listener, of: container)
            default: try act(action)
            }
            trace?.timeline.end()
        }
        if !plan.rendezvous[number].isPassing { try resume(rendezvous) }
        if records {
            trace?.timeline.begin(Plan.Action.record.listing)
            try act(.record)
            trace?.timeline.end()
        }
        if let agent { try passListener(to: agent) }
        trace?.timeline.end()
        return nil
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
            try socket.send(StageMessage(kind: PLAN_MSG_GO.rawValue, value: rendezvous).bytes)
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
        if hasEnded == nil {
            hasEnded = ProcessControl.wait(pid: pid)
            trace?.noteEnd()
        }
        return hasEnded
    }

    /// Records an end that was found out elsewhere.
    func noteEnd(_ status: ExitStatus) {
        hasEnded = status
        trace?.noteEnd()
    }

    /// Why it is not where it should be. Ends it.
    func diagnose() -> Failure {
        // Closing the socket is the last but one thing that a failed stage does; the next is its exit.
        if let ended = try? Poll.readable([pidfd.number], timeout: 2000), !ended[0] { kill() }
        let status = wait()
        let failure = StageReport(page.snapshot()).failure(of: plan, status: status)
        trace?.noteFailure(failure)
        return failure
    }
}
