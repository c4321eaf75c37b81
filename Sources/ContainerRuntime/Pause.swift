import Cgroups
import Diagnosis

extension ContainerRuntime {
    /// Stops all processes of a container that is created or running, by the freezer of its cgroup.
    ///
    /// - Throws: `container not running`, in runc's words, if it is paused already, too.
    public func pause(_ id: String) throws(Failure) {
        let (directory, record) = try load(id)
        switch try record.status(in: directory) {
        case .created, .running: try record.cgroup.freeze()
        case .creating, .paused, .stopped: throw Failure("container not running")
        }
    }

    /// Lets the processes of a paused container go on.
    public func resume(_ id: String) throws(Failure) {
        let (directory, record) = try load(id)
        guard try record.status(in: directory) == .paused else { throw Failure("container not paused") }
        try record.cgroup.thaw()
    }
}
