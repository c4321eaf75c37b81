import Cgroups
import Diagnosis
import Glibc
import Kernel
import OCISpec

extension ContainerRuntime {
    /// Removes a container and what it holds (runtime.md, "Delete").
    ///
    /// - Parameter force: kill it first if it runs; a container that does not exist is then no error.
    public func delete(_ id: String, force: Bool) throws(Failure) {
        let directory = try directory(id)
        let record: ContainerRecord
        do throws(Failure) {
            record = try directory.load()
        } catch {
            // A create that was killed before it wrote its record leaves the directory.
            if directory.exists {
                try directory.remove()
                if force { return }
            } else if force {
                return
            }
            throw error
        }
        let status = try record.status(in: directory)
        switch status {
        case .stopped, .creating: break
        case .created: try end(record)
        case .running, .paused:
            guard force else {
                throw Failure("cannot delete container \(id) that is not stopped: \(status.rawValue)")
            }
            try end(record)
        }
        for complaint in Teardown(record: record, directory: directory).run() { settings.warn(complaint) }
    }

    /// Kills the init process and waits for its end.
    func end(_ record: ContainerRecord) throws(Failure) {
        guard let pidfd = try record.openInit() else { return }
        try? ProcessControl.signal(pidfd, SIGKILL)
        if try record.cgroup.isFrozen() { try? record.cgroup.thaw() }
        let ended = try Failure.blaming { () throws(SystemError) in
            try Poll.readable([pidfd.number], timeout: Self.killTimeout)
        }
        guard ended[0] else {
            throw Failure("container init (pid \(record.initPID)) still running after SIGKILL")
        }
    }

    /// Milliseconds that a killed process may take to end: it may be in the midst of writing to a slow disk.
    private static let killTimeout = 10_000
}
