import Dispatch

/// Threads for tasks that write to disks: what blocks there holds up nobody who only computes.
///
/// A download's task prefers it for its whole life, so that what a connection delivers is hashed and written where it
/// arrives, without a further change of threads.
final class DiskExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "apus.images.disk", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
