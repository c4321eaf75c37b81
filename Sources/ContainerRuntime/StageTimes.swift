import CStage
import Kernel

/// When a stage's steps began, as its report says (report.h). As with all of the report, nothing of it is believed:
/// each step lies between the stage's birth and its end, and none begins before the one before it.
struct StageTimes {
    /// A step that was taken, with nanoseconds of CLOCK_MONOTONIC.
    struct Span: Equatable {
        var step: Int
        var start: UInt64
        var end: UInt64
    }

    /// How large the report is with them.
    static func reportSize(steps: Int) -> Int { Int(REPORT_SIZE) + (steps + 1) * 8 }

    /// The steps that were taken, in their order.
    ///
    /// - Parameters:
    ///   - report: the whole of it.
    ///   - steps: how many the plan has.
    ///   - born: a moment before the stage began.
    ///   - now: a moment after it wrote its last.
    ///   - end: when its last step ended, if that is known otherwise.
    static func spans(
        _ report: [UInt8], steps: Int, born: CounterReading, now: CounterReading, end: UInt64? = nil
    ) -> [Span] {
        let limit = min(end ?? now.nanoseconds, now.nanoseconds)
        var latest = min(born.nanoseconds, limit)
        func time(_ position: Int) -> UInt64? {
            guard let counter = number(report, position), counter != 0 else { return nil }
            let said = CounterReading.nanoseconds(at: counter, between: born, and: now)
            latest = min(max(latest, said), limit)
            return latest
        }
        var spans: [Span] = []
        for step in 0..<steps {
            guard let start = time(step) else { continue }
            if !spans.isEmpty { spans[spans.count - 1].end = start }
            spans.append(Span(step: step, start: start, end: limit))
        }
        if !spans.isEmpty, let failed = time(steps) { spans[spans.count - 1].end = failed }
        return spans
    }

    private static func number(_ report: [UInt8], _ position: Int) -> UInt64? {
        let start = Int(REPORT_SIZE) + position * 8
        guard report.count >= start + 8 else { return nil }
        return UInt64(native: report[start..<start + 8])
    }
}
