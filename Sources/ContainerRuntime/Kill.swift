import Cgroups
import Diagnosis
import Glibc
import Kernel
import OCISpec

extension ContainerRuntime {
    /// Sends a signal to a container (runtime.md, "Kill").
    ///
    /// SIGKILL to a container that shares its pid namespace goes to all of its processes, because the end of
    /// its init process would not end the others.
    ///
    /// - Parameter all: obsolete; that the container is not running is then no error.
    public func kill(_ id: String, signal: Int32, all: Bool) throws(Failure) {
        let (_, record) = try load(id)
        guard let pidfd = try record.initPID > 0 ? record.openInit() : nil else {
            if all || (signal == SIGKILL && !record.hasPrivatePIDNamespace) {
                try killLeftOvers(record, signal)
                return
            }
            throw Failure("container not running")
        }
        if signal == SIGKILL && !record.hasPrivatePIDNamespace && !record.cgroup.isEmpty {
            try record.cgroup.kill()
            return
        }
        do throws(SystemError) {
            try ProcessControl.signal(pidfd, signal)
        } catch  where error.errno == Errno(ESRCH) {
            throw Failure("container not running")
        } catch  where error.errno == Errno(EINVAL) {
            throw Failure(.option("SIGNAL"), error)
        } catch {
            throw Failure(.runtime, error)
        }
        // Frozen processes die when they thaw.
        if signal == SIGKILL, try record.cgroup.isFrozen() { record.cgroup.thaw() }
    }

    private func killLeftOvers(_ record: ContainerRecord, _ signal: Int32) throws(Failure) {
        guard signal == SIGKILL else { return }
        try record.cgroup.kill()
    }
}
