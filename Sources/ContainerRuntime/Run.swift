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
        // What a caller that exec'd us had started before is not the container's.
        let strangers =
            noSubreaper || launch.record.hasPrivatePIDNamespace ? nil : ProcessControl.children
        try launch.start()
        do throws(Failure) {
            try pidFile?.write(launch.pid)
        } catch {
            throw launch.abandon(error)
        }
        try launch.go()
        guard let signals else {
            launch.awaitReadiness()
            return 0
        }

        let status = try launch.attend(signals)
        if let strangers, launch.isUnbounded {
            var orphans = Orphans(except: strangers)
            orphans.kill()
        }
        if !keep {
            settings.trace?.next("delete the container")
            let teardown = Teardown(
                record: launch.record, directory: launch.directory, trace: settings.trace)
            for complaint in teardown.run() {
                settings.warn(complaint)
            }
        }
        return status.shellStatus
    }
}

/// The children that a subreaper was given when their own parent ended.
private struct Orphans {
    private var strangers: Set<Int32>

    init(except strangers: Set<Int32>) { self.strangers = strangers }

    /// Ends them all, their children, and so on: no process gets away, as each comes here when its parent has ended.
    mutating func kill() {
        while let children = ProcessControl.children?.subtracting(strangers), !children.isEmpty {
            for child in children {
                do throws(SystemError) {
                    try ProcessControl.signal(pid: child, SIGKILL)
                    _ = ProcessControl.wait(pid: child)
                } catch {
                    // A program that has become somebody else's.
                    strangers.insert(child)
                }
            }
        }
    }
}
