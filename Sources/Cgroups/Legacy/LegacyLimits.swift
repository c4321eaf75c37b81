import Diagnosis
import Glibc
import Kernel

extension LegacyCgroup {
    /// Sets the limits. Before the container's first process runs anything.
    ///
    /// - Throws: at the first value that could not be set, with the field that asked for it.
    func apply(_ limits: LegacyLimits, on host: CgroupHost) throws(Failure) {
        if let memory = cgroup(.memory) { try memory.check(limits.usageChecks) }
        for (controller, settings) in limits.byController {
            guard let cgroup = cgroup(controller) else {
                if let setting = settings.first(where: { $0.refusal != .redundantIfMissing }) {
                    throw MissingController(controller, host: host).failure(of: setting)
                }
                continue
            }
            do throws(Failure) {
                try cgroup.write(settings, on: host)
            } catch {
                throw Self.explained(error, cgroup, controller)
            }
        }
    }

    /// What the kernel means with EBUSY is only told by other files.
    private static func explained(_ failure: Failure, _ cgroup: Cgroup, _ controller: Controller) -> Failure {
        guard controller == .memory, failure.errno == Errno(EBUSY),
            let usage = try? FileTree.readText(cgroup.file("memory.usage_in_bytes")),
            let peak = try? FileTree.readText(cgroup.file("memory.max_usage_in_bytes"))
        else { return failure }
        var failure = failure
        failure.reason = "current usage: \(usage), peak usage: \(peak)"
        failure.remedy = "the kernel could not reclaim enough; set a higher limit"
        return failure
    }

    /// Guards the devices by the v1 controller.
    ///
    /// - Returns: warnings for the user.
    func guardDevices(
        _ filter: DeviceFilter, _ enforcement: DeviceEnforcement, on host: CgroupHost
    ) throws(Failure) -> [String] {
        guard let cgroup = paths["devices"].map(Cgroup.init(path:)) else {
            if filter.allowsEverything { return [] }
            if enforcement == .bestEffort { return [] }
            guard let origin = filter.origin else {
                return ["access to devices is not restricted: controller \"devices\" not available"]
            }
            let missing = MissingController(Controller("devices"), host: host)
            throw missing.failure(at: origin, "controller \"devices\" not available")
        }
        let target = try LegacyDevices(filter)
        do throws(SystemError) {
            let current = LegacyDevices(list: try FileTree.readText(cgroup.file("devices.list")))
            for (file, line) in target.writes(from: current) {
                try FileTree.write(line, to: cgroup.file(file))
            }
            return []
        } catch {
            if enforcement == .bestEffort { return [] }
            throw Failure(filter.origin.map { .config($0) } ?? .runtime, error)
        }
    }
}

/// The limits of those controllers that the host has in cgroup v1.
struct LegacyLimits: Equatable, Sendable {
    /// In the order of writing; those of a controller in a row.
    var settings: [Setting] = []
    var usageChecks: [UsageCheck] = []

    var byController: [(Controller, [Setting])] {
        var groups: [(Controller, [Setting])] = []
        for setting in settings {
            if groups.last?.0 == setting.controller {
                groups[groups.count - 1].1.append(setting)
            } else {
                groups.append((setting.controller, [setting]))
            }
        }
        return groups
    }
}
