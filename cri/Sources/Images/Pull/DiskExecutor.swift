import Dispatch

/// Threads for tasks that write to disks: what blocks there holds up nobody who only computes. A serial queue of its own
/// is given a thread at once, however many others wait.
///
/// A download's task prefers it for its whole life, so that what a connection delivers is hashed and written where it
/// arrives, without a further change of threads.
final class DiskExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        DispatchQueue(label: "apus.images.disk").async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
