import Cgroups
import Diagnosis
import OCISpec

extension ContainerRuntime {
    /// Changes the limits of a container that has not ended.
    ///
    /// - Parameters:
    ///   - changes: see ``ResourcesUpdate``. Errors point into it, as a document of its own.
    ///   - schemata: lines for the class of intelRdt, each with the option that it comes from.
    public func update(
        _ id: String, _ changes: Resources, schemata: [(line: String, option: String)] = []
    ) throws(Failure) {
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
        let schemataBefore = try updateSchemata(of: record, schemata)
        do throws(Failure) {
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
        } catch {
            if let schemataBefore { record.intelRdt?.restore(schemataBefore) }
            throw error
        }
    }

    /// - Returns: what was there before, if anything is changed.
    private func updateSchemata(
        of record: ContainerRecord, _ schemata: [(line: String, option: String)]
    ) throws(Failure) -> String? {
        guard let first = schemata.first else { return nil }
        guard let intelRdt = record.intelRdt else {
            throw Failure(
                .option(first.option),
                reason: "updating a non-existent Intel RDT configuration is not supported",
                remedy: "create the container with intelRdt")
        }
        return try intelRdt.update(schemata.map { ($0.line, .option($0.option)) })
    }
}

extension ContainerRecord {
    /// The limits that hold, as far as they were configured.
    var currentResources: Resources {
        get throws(Failure) { resources.isEmpty ? Resources() : try Resources.decode(resources) }
    }
}
