import Dispatch
import Testing

@testable import Images

@Suite(.timeLimit(.minutes(1)))
struct BlockingPoolTests {
    /// However many wait for a disk, there are threads for those who do not.
    @Test func tasksGoOnBesideIt() async throws {
        let pools = (0..<8).map { BlockingPool("test.\($0)", width: 16) }
        let (started, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let jobs = pools.flatMap { pool in
            (0..<16).map { _ in
                Task {
                    await pool.finish {
                        started.signal()
                        ended.wait()
                    }
                }
            }
        }
        // On a thread that is no task's.
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "test").async {
                for _ in jobs { started.wait() }
                continuation.resume()
            }
        }
        let sum = await withTaskGroup(of: Int.self) { group in
            for number in 0..<100 {
                group.addTask {
                    await Task.yield()
                    return number
                }
            }
            return await group.reduce(0, +)
        }
        #expect(sum == 4950)
        for _ in jobs { ended.signal() }
        for job in jobs { await job.value }
    }
}
