import Kernel
import Synchronization

/// What is measured by walking trees, so that it is not walked for whoever asks.
///
/// kubelet asks every ten seconds. A measurement is good for twenty times as long as it took, and for a second at least:
/// walking takes a twentieth of one processor at most, however much there is to walk. Who asks later gets a new one, but
/// nobody waits long for it: where the last one took its time, that is what they get, and the new one is made meanwhile.
final class MeasuredUsage: Sendable {
    struct Measurement: Sendable {
        var usage: ImageUsage
        /// Nanoseconds since 1970.
        var taken: Int64
    }

    /// How long a measurement is good, and is waited for.
    struct Terms: Sendable {
        /// For how many times as long as it took it is good, but for so long at least.
        var share = 20
        var least = Duration.seconds(1)
        /// Longer than this nobody waits who can have the last one.
        var longestWait = Duration.milliseconds(500)
    }

    private struct State {
        var last: Measurement?
        /// Until when the last one is good, and how long it took.
        var expires = ContinuousClock.now
        var duration = Duration.zero
        var work: Task<Result<Measurement, ImageError>, Never>?
    }

    private let terms: Terms
    private let state = Mutex(State())
    private let measure: @Sendable () async throws(ImageError) -> ImageUsage

    init(
        _ terms: Terms = Terms(), _ measure: @escaping @Sendable () async throws(ImageError) -> ImageUsage
    ) {
        (self.terms, self.measure) = (terms, measure)
    }

    /// The last measurement if it is good, or if it is quicker to be had than a new one.
    func current() async throws(ImageError) -> Measurement {
        let (known, work) = state.withLock {
            state -> (Measurement?, Task<Result<Measurement, ImageError>, Never>?) in
            if let last = state.last, state.expires > .now { return (last, nil) }
            let work = state.work ?? begin(&state)
            if let last = state.last, state.duration > terms.longestWait { return (last, nil) }
            return (nil, work)
        }
        if let known { return known }
        guard let work else { throw .cancelled("measure what containers have written") }
        return try await work.value.get()
    }

    /// One for all who wait.
    private func begin(_ state: inout State) -> Task<Result<Measurement, ImageError>, Never> {
        let work = Task { () -> Result<Measurement, ImageError> in
            let start = ContinuousClock.now
            do throws(ImageError) {
                let usage = try await measure()
                let (duration, now) = (start.duration(to: .now), Timestamp.now())
                let taken = Int64(now.seconds) * 1_000_000_000 + Int64(now.nanoseconds)
                let measured = Measurement(usage: usage, taken: taken)
                self.state.withLock { state in
                    state.last = measured
                    state.duration = duration
                    state.expires = .now + max(duration * terms.share, terms.least)
                    state.work = nil
                }
                return .success(measured)
            } catch {
                self.state.withLock { $0.work = nil }
                return .failure(error)
            }
        }
        state.work = work
        return work
    }
}
