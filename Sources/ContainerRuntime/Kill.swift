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
    /// - Parameter all: the signal goes to every process of the container's cgroup, as with crun and with runc
    ///   before 1.2, and that the container is not running is no error.
    public func kill(_ id: String, signal: Int32, all: Bool) throws(Failure) {
        let (_, record) = try load(id)
        let wantsAll = all || (signal == SIGKILL && !record.hasPrivatePIDNamespace)
        guard let pidfd = try record.initPID > 0 ? record.openInit() : nil else {
            guard wantsAll else { throw Failure("container not running") }
            // What shares the pid namespace with others may have outlived the init process.
            if signal == SIGKILL { try record.killAll() }
            return
        }
        if wantsAll, try signalAll(record, signal) { return }
        try signalInit(record, pidfd, signal)
    }

    /// - Returns: whether the init process was among those that got the signal.
    private func signalAll(_ record: ContainerRecord, _ signal: Int32) throws(Failure) -> Bool {
        // Asked before: afterwards it may have ended.
        guard try record.pids().contains(record.initPID) else {
            // The end of a pid namespace's first process is that of all others in it.
            if signal != SIGKILL || !record.hasPrivatePIDNamespace {
                let why = record.cgroup.isEmpty ? "the container has no cgroup" : "it is not in its cgroup"
                settings.warn(
                    "signal \(signal) goes to the container's first process, and may miss others: \(why)")
            }
            try record.signalAll(signal)
            return false
        }
        do throws(Failure) {
            try record.signalAll(signal)
        } catch {
            // A user without rights to the cgroup may still have those to the process.
            guard record.rootless else { throw error }
            settings.warn("failed to kill all processes: \(error)")
            return false
        }
        if signal == SIGKILL { letDie(record) }
        return true
    }

    private func signalInit(
        _ record: ContainerRecord, _ pidfd: borrowing FileDescriptor, _ signal: Int32
    ) throws(Failure) {
        do throws(SystemError) {
            try ProcessControl.signal(pidfd, signal)
        } catch  where error.errno == Errno(ESRCH) {
            throw Failure("container not running")
        } catch  where error.errno == Errno(EINVAL) {
            throw Failure(.option("SIGNAL"), error)
        } catch {
            throw Failure(.runtime, error)
        }
        if signal == SIGKILL { letDie(record) }
    }

    /// Processes that are frozen die when they thaw.
    private func letDie(_ record: ContainerRecord) {
        if (try? record.cgroup.isFrozen()) == true { try? record.cgroup.thaw() }
    }
}
