import Diagnosis

extension LegacyCgroup {
    /// Sets new limits. All of them are set, or none is.
    ///
    /// - Parameter guardsDevices: whether device rules are the v1 controller's here.
    func update(
        _ update: CgroupUpdate, guardsDevices: Bool, on host: CgroupHost
    ) throws(Failure) -> UpdatedCgroup {
        var done = UpdatedCgroup()
        for (controller, settings) in update.limits.legacy.byController {
            if let cgroup = cgroup(controller) { done.remember(settings, of: cgroup) }
        }
        do throws(Failure) {
            try Cgroup.patiently { () throws(Failure) in try apply(update.limits.legacy, on: host) }
            if guardsDevices && update.replacesDevices {
                done.warnings += try guardDevices(update.limits.devices, update.devices, on: host)
            }
        } catch {
            throw done.undone(after: error)
        }
        return done
    }
}
