import Cgroups
import Diagnosis
import Glibc
import Kernel
import OCISpec

extension ContainerRecord {
    /// What the container is doing, found out now: a stored answer would be wrong after the first crash.
    func status(in directory: StateDirectory) throws(Failure) -> State.Status {
        guard initPID > 0 else { return .creating }
        guard isInitAlive() else { return .stopped }
        // Before the FIFO is looked at: a created container can be paused too, and is not to be started then.
        if try cgroup.isFrozen() { return .paused }
        return FileTree.exists(directory.fifoPath) ? .created : .running
    }

    /// Whether the init process is there, is no zombie, and is the same one.
    func isInitAlive() -> Bool {
        guard let process = try? ProcessRecord(pid: initPID) else { return false }
        return !process.isDead && process.startTime == initStart
    }

    /// A handle of the init process that cannot come to mean another one; `nil` if it has ended.
    func openInit() throws(Failure) -> FileDescriptor? {
        do throws(SystemError) {
            let pidfd = try ProcessControl.open(pid: initPID)
            // Checked after opening: the pid was this process's both times, so it was in between.
            guard isInitAlive() else { return nil }
            return pidfd
        } catch  where error.errno == Errno(ESRCH) || error.errno == Errno(EINVAL) {
            return nil
        } catch {
            throw Failure(.runtime, error)
        }
    }
}
