import Dispatch
import Synchronization

/// Whether somebody still waits for a piece of work.
final class Cancellation: Sendable {
    private let flag = Atomic(false)

    func cancel() { flag.store(true, ordering: .relaxed) }

    var isCancelled: Bool { flag.load(ordering: .relaxed) }

    func check() throws(ImageError) {
        guard !isCancelled else {
            throw ImageError(.cancelled, doing: "unpack a layer", "nobody waits for it any more")
        }
    }
}

/// Threads for work that waits for the disk: so many at a time, and none of those that tasks run on. A concurrent queue
/// would share its threads with these; a serial queue of its own is given one at once, however many others wait.
final class BlockingPool: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let width: Int
    private let label: String
    private let state = Mutex(State())

    init(_ label: String, width: Int) {
        self.width = max(1, width)
        self.label = label
    }

    /// Does `body` on a thread of the pool's. If the task is cancelled it is told so, and decides itself when to stop.
    func run<Outcome: Sendable>(
        _ body: @escaping @Sendable (Cancellation) throws(ImageError) -> Outcome
    ) async throws(ImageError) -> Outcome {
        let cancellation = Cancellation()
        let result: Result<Outcome, ImageError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                submit {
                    do throws(ImageError) {
                        try cancellation.check()
                        continuation.resume(returning: .success(try body(cancellation)))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        } onCancel: {
            cancellation.cancel()
        }
        return try result.get()
    }

    /// The same for what must be done, whether or not the task is cancelled.
    func finish<Outcome: Sendable>(_ body: @escaping @Sendable () -> Outcome) async -> Outcome {
        await withCheckedContinuation { continuation in
            submit { continuation.resume(returning: body()) }
        }
    }

    private func submit(_ job: @escaping @Sendable () -> Void) {
        let starts = state.withLock { state in
            guard state.running < width else {
                state.waiting.append(job)
                return false
            }
            state.running += 1
            return true
        }
        if starts { start(job) }
    }

    private func start(_ job: @escaping @Sendable () -> Void) {
        DispatchQueue(label: label).async { self.work(job) }
    }

    private func work(_ job: @Sendable () -> Void) {
        job()
        let next = state.withLock { state -> (@Sendable () -> Void)? in
            guard !state.waiting.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        if let next { start(next) }
    }
}
