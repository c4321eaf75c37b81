import Diagnosis

extension ContainerRuntime {
    /// Makes a container that waits for ``start(_:)`` (runtime.md, "Create").
    ///
    /// When this returns the container depends on this process no longer.
    public func create(_ id: String, _ options: CreateOptions) throws(Failure) {
        let pidFile = try options.pidFile.map { (path) throws(Failure) in try PidFile(path) }
        let launch = try Launch(self, id, options, wait: .fifo)
        try launch.start()
        do throws(Failure) {
            try pidFile?.write(launch.pid)
        } catch {
            throw launch.abandon(error)
        }
    }
}
