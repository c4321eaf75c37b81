import CStage
import Diagnosis
import Kernel
import LaunchPlan

/// What there is to tell of a stage in a timeline: its steps, by its own report, and how long the process lived that
/// it became.
final class StageTrace {
    let timeline: Trace
    private let plan: Plan
    private let born: CounterReading
    /// The process that the stage began in, and the one that it has gone on in.
    private let first: Int32
    private var child: Int32?
    /// When the stage's end of the socket was seen closed: it has exec'd the process, waits for its start, or is dead.
    private var closed: UInt64?
    private var ended: UInt64?
    private var failure: Failure?

    init(_ timeline: Trace, _ plan: Plan, _ process: Int32, born: CounterReading) {
        self.timeline = timeline
        self.plan = plan
        self.born = born
        first = process
        timeline.name(process, name)
    }

    func noteChild(_ process: Int32) {
        child = process
        timeline.name(process, name)
    }

    func noteClosed() { closed = MonotonicClock.now() }

    func noteEnd() { ended = MonotonicClock.now() }

    func noteFailure(_ failure: Failure) { self.failure = failure }

    /// Tells of it all, at the end.
    func collect(_ page: [UInt8], ended status: ExitStatus?) {
        timeline.begin("note the steps of the stage")
        let report = StageReport(page)
        let last = plan.steps.count - 1
        // Created, it waits on with its socket closed.
        let hasReachedExec = closed != nil && report.step == last
        let spans = StageTimes.spans(
            page, steps: plan.steps.count, born: born, now: .now(), end: hasReachedExec ? closed : ended)
        let clone = plan.steps.firstIndex { $0.op.code == PLAN_CLONE.rawValue } ?? last
        let failure = failure ?? (report.hasFailed ? report.failure(of: plan, status: status) : nil)
        for span in spans {
            let step = plan.steps[span.step]
            var event = Trace.Event(
                name: step.doing, process: span.step > clone ? child ?? first : first, start: span.start,
                end: span.end)
            event.arguments = [.init("op", step.op.name), .init("origin", step.source)]
            if let failure, span.step == report.step {
                event.arguments.append(.init("error", failure.description))
            }
            timeline.add(event)
        }
        if hasReachedExec, failure == nil, let closed, let ended {
            var event = Trace.Event(
                name: "the process", process: child ?? first, start: closed, end: ended)
            switch status {
            case .exited(let code)?: event.arguments.append(.init("exit", String(code)))
            case .killed(let signal)?: event.arguments.append(.init("signal", String(signal)))
            case nil: break
            }
            timeline.add(event)
        }
        timeline.end()
    }

    private var name: String { "stage, to \(plan.steps.last?.doing ?? "")" }
}
