import Synchronization
import Testing

@testable import Images

@Suite(.timeLimit(.minutes(1)))
struct MeasuredUsageTests {
    /// Measurements that take as long as a test wants, each of as many bytes as came before it.
    private final class Gate: Sendable {
        private struct State {
            var count: UInt64 = 0
            var open = 0
            var waiting: [CheckedContinuation<Void, Never>] = []
        }
        private let state = Mutex(State())
        var count: UInt64 { state.withLock { $0.count } }

        func measure() async -> ImageUsage {
            let number = state.withLock { state in
                state.count += 1
                return state.count
            }
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if state.open > 0 {
                        state.open -= 1
                        return true
                    }
                    state.waiting.append(continuation)
                    return false
                }
                if isOpen { continuation.resume() }
            }
            return ImageUsage(bytes: number, inodes: 0)
        }

        func pass() {
            let waiting = state.withLock { state in
                if state.waiting.isEmpty { state.open += 1 }
                return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
            }
            waiting?.resume()
        }
    }

    @Test func oneIsForAllWhoAsk() async throws {
        let gate = Gate()
        let measured = MeasuredUsage(.init(least: .seconds(600))) { () async throws(ImageError) in
            await gate.measure()
        }
        async let one = measured.current()
        async let two = measured.current()
        gate.pass()
        let both = try await [one, two]
        #expect(both.map(\.usage.bytes) == [1, 1] && both.allSatisfy { $0.taken > 0 })
        for _ in 0..<100 { #expect(try await measured.current().usage.bytes == 1) }
        #expect(gate.count == 1)
    }

    @Test func aNewOneIsMadeWhenTheLastHasExpired() async throws {
        let gate = Gate()
        let measured = MeasuredUsage(.init(share: 0, least: .zero)) { () async throws(ImageError) in
            await gate.measure()
        }
        for number: UInt64 in 1...3 {
            gate.pass()
            #expect(try await measured.current().usage.bytes == number)
        }
    }

    @Test func nobodyWaitsWhoCanHaveTheLastOne() async throws {
        let gate = Gate()
        let terms = MeasuredUsage.Terms(share: 0, least: .zero, longestWait: .zero)
        let measured = MeasuredUsage(terms) { () async throws(ImageError) in await gate.measure() }
        gate.pass()
        #expect(try await measured.current().usage.bytes == 1)
        // The second does not come to its end.
        for _ in 0..<10 { #expect(try await measured.current().usage.bytes == 1) }
        while gate.count < 2 { await Task.yield() }
        #expect(gate.count == 2)
        gate.pass()
        while try await measured.current().usage.bytes < 2 { await Task.yield() }
        while gate.count < 3 { await Task.yield() }
        gate.pass()
    }

    @Test func aFailureIsTriedAgain() async throws {
        let fails = Atomic(true)
        let measured = MeasuredUsage { () async throws(ImageError) in
            if fails.load(ordering: .relaxed) { throw ImageError(.internal, doing: "measure", "no") }
            return ImageUsage(bytes: 7, inodes: 1)
        }
        await #expect(throws: ImageError.self) { try await measured.current() }
        fails.store(false, ordering: .relaxed)
        #expect(try await measured.current().usage.bytes == 7)
    }
}
