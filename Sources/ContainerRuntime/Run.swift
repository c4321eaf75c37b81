import Diagnosis
import Glibc
import Kernel

extension ContainerRuntime {
    /// Creates and starts a container, and, unless detached, stays with it until it ends and deletes it.
    ///
    /// - Returns: the exit status to leave with: 0 if detached, else the container's.
    public func run(
        _ id: String, _ options: CreateOptions, keep: Bool, noSubreaper: Bool
    ) throws(Failure) -> Int32 {
        let pidFile = try options.pidFile.map { (path) throws(Failure) in try PidFile(path) }
        // What the container leaves behind is reaped here, and a signal that comes early is not lost.
        let signals: SignalQueue? =
            options.detaches ? nil : try Failure.blaming { () throws(SystemError) in try SignalQueue() }
        if !options.detaches && !noSubreaper {
            try Failure.blaming { () throws(SystemError) in try ProcessControl.becomeSubreaper() }
        }
        let launch = try Launch(self, id, options, wait: .runtime)
        try launch.start()
        do throws(Failure) {
            try pidFile?.write(launch.pid)
        } catch {
            throw launch.abandon(error)
        }
        try launch.go()
        guard let signals else { return 0 }

        let status = try launch.attend(signals)
        if !keep {
            for complaint in Teardown(record: launch.record, directory: launch.directory).run() {
                settings.warn(complaint)
            }
        }
        return status.shellStatus
    }
}
