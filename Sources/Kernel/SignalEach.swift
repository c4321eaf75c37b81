import Diagnosis
import Glibc

extension ProcessControl {
    /// Sends a signal to each of some processes that a list names.
    ///
    /// A pid may pass to a stranger between the list and the signal: each process is held by a descriptor, and is
    /// signalled if its pid is still in the list after that.
    ///
    /// - Parameter listed: the list as it is now.
    public static func signal(
        _ signal: Int32, each pids: [Int32], stillIn listed: () throws(SystemError) -> [Int32]
    ) throws(SystemError) {
        let batch = 128
        for start in stride(from: 0, to: pids.count, by: batch) {
            var held: [(pid: Int32, process: Held)] = []
            for pid in pids[start..<min(start + batch, pids.count)] {
                do throws(SystemError) {
                    held.append((pid, Held(try open(pid: pid))))
                } catch  where error.errno == Errno(ESRCH) || error.errno == Errno(EINVAL) {
                    // It has ended, or is a thread of one of a threaded cgroup's processes.
                }
            }
            let members = Set(try listed())
            for (pid, process) in held where members.contains(pid) {
                do throws(SystemError) {
                    try self.signal(process.descriptor, signal)
                } catch  where error.errno == Errno(ESRCH) {
                    // It has ended.
                }
            }
        }
    }

    private final class Held {
        let descriptor: FileDescriptor
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }
}
