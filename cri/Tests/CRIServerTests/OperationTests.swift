import Synchronization
import Testing

@testable import CRIServer

/// How many are inside at once.
private final class Counts: Sendable {
    struct Values: Equatable { var inside = 0, most = 0, done = 0 }

    private let state = Mutex(Values())

    var values: Values { state.withLock { $0 } }

    func enter() {
        state.withLock {
            $0.inside += 1
            $0.most = max($0.most, $0.inside)
        }
    }

    func leave() {
        state.withLock {
            $0.inside -= 1
            $0.done += 1
        }
    }
}

@Suite struct OperationTests {
    @Test func operationsOfOneKeyDoNotOverlap() async throws {
        let locks = OperationLocks()
        let counts = Counts()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await locks.withLock("one") {
                        counts.enter()
                        await Task.yield()
                        counts.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counts.values == Counts.Values(inside: 0, most: 1, done: 50))
    }

    @Test func aFailedOperationGivesItsLockBack() async throws {
        struct Fault: Error {}
        let locks = OperationLocks()
        await #expect(throws: Fault.self) { try await locks.withLock("one") { throw Fault() } }
        #expect(try await locks.withLock("one") { 1 } == 1)
    }

    @Test func waitersHearOfTheEnd() async throws {
        let exits = ExitWaiters()
        let streams = [await exits.listen(to: "c"), await exits.listen(to: "c")]
        let other = await exits.listen(to: "d")
        await exits.announce("c")
        for stream in streams { for await _ in stream {} }
        let counts = Counts()
        let waiting = Task {
            counts.enter()
            for await _ in other {}
            counts.leave()
        }
        try await Task.sleep(for: .milliseconds(20))
        #expect(counts.values.done == 0)
        waiting.cancel()
        await waiting.value
        #expect(counts.values.done == 1)
    }
}
