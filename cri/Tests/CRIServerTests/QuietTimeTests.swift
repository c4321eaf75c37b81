import Synchronization
import Testing

@testable import CRIServer

@Suite(.timeLimit(.minutes(1))) struct QuietTimeTests {
    /// Counts, and tells when.
    private final class Calls: Sendable {
        let times: AsyncStream<ContinuousClock.Instant>
        private let send: AsyncStream<ContinuousClock.Instant>.Continuation

        init() { (times, send) = AsyncStream.makeStream() }

        func add() { send.yield(.now) }
        func finish() { send.finish() }
    }

    @Test func comesOnceAfterTheLastChange() async {
        let calls = Calls()
        let quiet = QuietTime(after: .milliseconds(200)) { calls.add() }
        for _ in 0..<10 {
            quiet.ended("CreateContainer")
            try? await Task.sleep(for: .milliseconds(20))
        }
        let last = ContinuousClock.now
        quiet.ended("StartContainer")
        var times = calls.times.makeAsyncIterator()
        let first = await times.next()
        #expect(first.map { $0 - last >= .milliseconds(200) } == true)
        // The next change has a call of its own, and there was none between: it would be the next in the stream.
        let again = ContinuousClock.now
        quiet.changed()
        let second = await times.next()
        #expect(second.map { $0 - again >= .milliseconds(200) } == true)
    }

    @Test func whatIsAskedAllTheTimeIsNoChange() async {
        let calls = Calls()
        let quiet = QuietTime(after: .zero) { calls.add() }
        for method in [
            "Version", "Status", "ListPodSandbox", "ListContainers", "PodSandboxStatus", "ExecSync",
            "ImageFsInfo",
        ] {
            quiet.ended(method)
        }
        try? await Task.sleep(for: .milliseconds(50))
        calls.finish()
        var count = 0
        for await _ in calls.times { count += 1 }
        #expect(count == 0)
    }
}
