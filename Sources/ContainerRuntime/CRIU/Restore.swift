import CRIU
import Diagnosis
import Glibc
import Kernel

extension ContainerRuntime {
    /// Brings a container back from a checkpoint, and, unless detached, stays with it until it ends and deletes it.
    ///
    /// - Returns: the exit status to leave with: 0 if detached, else the container's.
    public func restore(_ id: String, _ options: RestoreOptions) throws(Failure) -> Int32 {
        let pidFile = try options.pidFile.map { (path) throws(Failure) in try PidFile(path) }
        let signals: SignalQueue? =
            options.detaches ? nil : try Failure.blaming { () throws(SystemError) in try SignalQueue() }
        if !options.detaches && !options.noSubreaper {
            try Failure.blaming { () throws(SystemError) in try ProcessControl.becomeSubreaper() }
        }
        let restoration = try Restoration(self, id, options)
        let process = try restoration.run()
        do throws(Failure) {
            try pidFile?.write(process.pid)
        } catch {
            throw restoration.abandon(error)
        }
        guard let signals else { return 0 }

        let status = try restoration.attend(process, signals)
        for complaint in Teardown(record: restoration.record, directory: restoration.directory).run() {
            settings.warn(complaint)
        }
        return status.shellStatus
    }
}

/// The init process of a container that CRIU brought back: a child of this process, as CRIU's sibling.
final class RestoredProcess: Attended {
    let pid: Int32
    private let pidfd: FileDescriptor

    init(pid: Int32) throws(Failure) {
        self.pid = pid
        pidfd = try Failure.blaming { () throws(SystemError) in try ProcessControl.open(pid: pid) }
    }

    func signal(_ signal: Int32) { try? ProcessControl.signal(pidfd, signal) }

    func noteEnd(_ status: ExitStatus) {}
}
