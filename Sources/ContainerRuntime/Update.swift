import Cgroups
import Diagnosis
import OCISpec

extension ContainerRuntime {
    /// Changes the limits of a container that has not ended.
    ///
    /// - Parameter changes: see ``ResourcesUpdate``. Errors point into it, as a document of its own.
    public func update(_ id: String, _ changes: Resources) throws(Failure) {
        var (directory, record) = try load(id)
        switch try record.status(in: directory) {
        case .created, .running, .paused: break
        case .creating, .stopped: throw Failure("container not running")
        }
        let former = try record.currentResources
        let update = ResourcesUpdate(changes, of: former)
        try update.merged.validate()
        let pointer: Pointer = ""
        // What is written may contradict what stays.
        let host = try CgroupHost.detect()
        _ = try Limits(update.merged, at: pointer, on: host)
        let limits = try Limits(
            update.written, at: pointer, nodes: record.deviceNodes.map { Device(type: .c, path: $0) },
            on: host)
        let done = try record.cgroup.update(
            CgroupUpdate(
                limits, replacesDevices: !update.written.devices.isEmpty,
                devices: record.rootless ? .bestEffort : .required,
                former: record.cgroup.unit == nil ? nil : try Limits(former, at: pointer, on: host)),
            on: host)
        for warning in done.warnings { settings.warn(warning) }
        record.resources = update.merged.json
        do throws(Failure) {
            try directory.save(record)
        } catch {
            _ = done.undo()
            throw error
        }
    }
}

extension ContainerRecord {
    /// The limits that hold, as far as they were configured.
    var currentResources: Resources {
        get throws(Failure) { resources.isEmpty ? Resources() : try Resources.decode(resources) }
    }
}
