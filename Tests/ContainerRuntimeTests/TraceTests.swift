import CStage
import Diagnosis
import Foundation
import Glibc
import Kernel
import Testing

@testable import ContainerRuntime

@Suite struct TraceTests {
    private struct Told: Decodable {
        struct Event: Decodable {
            var name: String
            var ph: String
            var pid: Int32
            var tid: Int32
            var ts: Decimal?
            var dur: Decimal?
            var args: [String: String]?
        }
        var traceEvents: [Event]
    }

    private func told(_ bytes: [UInt8]) throws -> Told {
        try JSONDecoder().decode(Told.self, from: Data(bytes))
    }

    @Test(arguments: [
        (0, "0.000"), (7, "0.007"), (1_000, "1.000"), (1_020_304, "1020.304"),
        (UInt64.max, "18446744073709551.615"),
    ])
    func microseconds(_ nanoseconds: UInt64, _ text: String) {
        #expect(String(decoding: Trace.microseconds(nanoseconds), as: UTF8.self) == text)
    }

    @Test func json() throws {
        var events = [
            Trace.Event(name: "mount \"a\"\u{1b} on /ü", process: 7, start: 9_007_199_254_740_993, end: .max)
        ]
        events[0].arguments = [.init("origin", "/mounts/0"), .init("error", "no\nway")]
        // One that ends before it begins lasts no time at all.
        events.append(Trace.Event(name: "b", process: 8, start: 5, end: 4))
        let bytes = Trace.json(events, processes: [(7, "apus")])
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"displayTimeUnit":"ns","traceEvents":[{"name":"process_name","ph":"M","pid":7,"tid":7,"args":{"name":"apus"}},"#
                + #"{"name":"mount \"a\"\u001b on /ü","ph":"X","pid":7,"tid":7,"ts":9007199254740.993,"dur":18437736874454810.622,"args":{"origin":"/mounts/0","error":"no\nway"}},"#
                + #"{"name":"b","ph":"X","pid":8,"tid":8,"ts":0.005,"dur":0.000}]}"# + "\n")
        #expect(try told(bytes).traceEvents.count == 3)
    }

    // MARK: phases

    /// What a timeline says after these phases, by name.
    private func events(
        failing failure: Failure? = nil, _ phases: (Trace) -> Void
    ) throws -> [String: Told.Event] {
        try withTemporaryDirectory { directory in
            let path = directory + "/trace"
            let trace = try Trace(to: path, of: "run c1", begun: MonotonicClock.now())
            phases(trace)
            try trace.finish(failure)
            let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
            let events = try told(bytes).traceEvents.filter { $0.ph == "X" }
            return Dictionary(uniqueKeysWithValues: events.map { ($0.name, $0) })
        }
    }

    private func holds(_ outer: Told.Event?, _ inner: Told.Event?) throws -> Bool {
        let (outer, inner) = (try #require(outer), try #require(inner))
        let (start, length) = (try #require(outer.ts), try #require(outer.dur))
        let (innerStart, innerLength) = (try #require(inner.ts), try #require(inner.dur))
        return start <= innerStart && innerStart + innerLength <= start + length
    }

    @Test func nesting() throws {
        let events = try events { trace in
            trace.next("a", .config("/a"))
            trace.begin("a1")
            trace.next("a2")
            trace.end()
            trace.next("b")
        }
        #expect(events.count == 7)
        for name in events.keys { #expect(try holds(events["run c1"], events[name])) }
        #expect(try holds(events["a"], events["a1"]) && holds(events["a"], events["a2"]))
        #expect(try !holds(events["a"], events["b"]))
        #expect(events["a"]?.args == ["origin": "/a"] && events["b"]?.args == nil)
        #expect(events.values.allSatisfy { $0.pid == ProcessControl.ownPID && $0.tid == $0.pid })
    }

    @Test func whatFails() throws {
        let failure = Failure(at: "/mounts/0", "no")
        let events = try events(failing: failure) { trace in
            trace.next("a")
            trace.begin("a1")
            trace.begin("a11")
        }
        #expect(events["a11"]?.args == ["error": "/mounts/0: no"])
        #expect(events["a1"]?.args == nil && events["a"]?.args == nil)
        #expect(events["run c1"]?.args == ["error": "/mounts/0: no"])
    }

    @Test func whatIsUndone() throws {
        let failure = Failure("no")
        let events = try events(failing: failure) { trace in
            trace.next("a")
            trace.begin("a1")
            trace.abandon(failure)
            trace.begin("u1")
            trace.end()
        }
        #expect(events["a1"]?.args == ["error": "no"] && events["undo it"]?.args == nil)
        #expect(try holds(events["undo it"], events["u1"]) && !holds(events["a"], events["undo it"]))
    }

    @Test func whatIsTriedAgain() throws {
        let events = try events { trace in
            trace.next("a")
            let depth = trace.depth
            trace.begin("a1")
            trace.begin("a11")
            trace.fail(Failure("no"), leaving: depth)
            trace.begin("a2")
            trace.end()
        }
        #expect(events["a11"]?.args == ["error": "no"] && events["run c1"]?.args == nil)
        #expect(try holds(events["a"], events["a2"]) && !holds(events["a1"], events["a2"]))
    }

    @Test func aFileThatCannotBeWritten() throws {
        do {
            _ = try Trace(to: "/no/such/directory", of: "run c1", begun: 0)
            Issue.record("opened")
        } catch {
            #expect(error.origin == .option("--trace") && error.errno == Errno(ENOENT))
        }
        let trace = try Trace(to: "/dev/full", of: "run c1", begun: 0)
        #expect(throws: Failure(.option("--trace"), doing: "write the trace", errno: Errno(ENOSPC))) {
            try trace.finish(nil)
        }
    }
}

@Suite struct StageTimesTests {
    private let born = CounterReading(counter: 1_000, nanoseconds: 50_000)
    private let now = CounterReading(counter: 2_000, nanoseconds: 60_000)

    private func spans(_ counters: [UInt64], steps: Int, end: UInt64? = nil) -> [StageTimes.Span] {
        let table = counters.flatMap { counter in withUnsafeBytes(of: counter) { Array($0) } }
        let report = [UInt8](repeating: 0xff, count: Int(REPORT_SIZE)) + table
        return StageTimes.spans(report, steps: steps, born: born, now: now, end: end)
    }

    @Test func stepsFollowOneAnother() {
        #expect(
            spans([1_100, 1_200, 0, 1_500, 0], steps: 4, end: 58_000) == [
                .init(step: 0, start: 51_000, end: 52_000), .init(step: 1, start: 52_000, end: 55_000),
                .init(step: 3, start: 55_000, end: 58_000),
            ])
        #expect(spans([1_100, 0, 1_300], steps: 2) == [.init(step: 0, start: 51_000, end: 53_000)])
        #expect(spans([1_100, 0, 0], steps: 2) == [.init(step: 0, start: 51_000, end: 60_000)])
        #expect(spans([0, 0, 0], steps: 2) == [])
    }

    /// The report may say anything.
    @Test(arguments: [
        [1, 2, 3, 4], [.max, .max, .max, .max], [1_900, 1_100, 1_500, 1], [1_500, .max, 1_600, 0],
        [0, 0, 0, 5], [], [1_500], [3_000, 1_000, 3_000, 1_000],
    ])
    func nothingIsBelieved(_ counters: [UInt64]) {
        for end in [nil, 0, 55_000, UInt64.max] {
            var latest: UInt64 = 0
            for span in spans(counters, steps: 3, end: end) {
                #expect(span.start >= latest && span.end >= span.start)
                #expect(span.end <= now.nanoseconds && (end == 0 || span.start >= born.nanoseconds))
                latest = span.end
            }
        }
        #expect(StageTimes.spans([1, 2], steps: 3, born: born, now: now).isEmpty)
    }

    /// A counter that stands still or runs backwards tells nothing, and breaks nothing.
    @Test func aCounterThatIsNone() {
        for counter in [0, 999, 1_000, .max] as [UInt64] {
            let still = CounterReading(counter: 1_000, nanoseconds: 60_000)
            #expect(CounterReading.nanoseconds(at: counter, between: born, and: still) == 50_000)
            let back = CounterReading(counter: 10, nanoseconds: 60_000)
            #expect(CounterReading.nanoseconds(at: counter, between: born, and: back) == 50_000)
        }
        #expect(CounterReading.nanoseconds(at: 1_999, between: born, and: now) == 59_990)
    }
}
