import DBus
import Diagnosis

// The limits of v1 controllers as properties of a unit: those that systemd has for them (systemd.resource-control(5),
// "Deprecated options", and systemd 251 or older for more). Gone with systemd 258, and cgroup v1 with them.

extension LegacyLimits {
    /// As ``Limits/unitProperties(systemd:)``.
    func unitProperties(systemd version: Int) throws(Failure) -> [UnitProperty] {
        var properties: [UnitProperty] = []
        for setting in settings {
            switch setting.file {
            case "memory.limit_in_bytes" where setting.value == "-1":
                properties.append(UnitProperty("MemoryLimit", .uint64(.max)))
            case "memory.limit_in_bytes": properties.append(try setting.number("MemoryLimit"))
            case "cpu.shares": properties.append(try setting.number("CPUShares"))
            case "blkio.weight", "blkio.bfq.weight":
                properties.append(try setting.number("BlockIOWeight", least: 10))
            case "pids.max": properties.append(try setting.number("TasksMax", least: 1))
            default: break
            }
        }
        if let quota = CPUQuota(settings) { properties += quota.properties(systemd: version) }
        return properties
    }

    /// As ``Limits/roundedForSystemd()``.
    func roundedForSystemd() -> LegacyLimits {
        var limits = self
        guard let rounded = CPUQuota(settings)?.rounded else { return self }
        for index in limits.settings.indices where limits.settings[index].file == CPUQuota.legacyFile {
            limits.settings[index].value = String(rounded)
        }
        return limits
    }
}

extension CPUQuota {
    fileprivate static let legacyFile = "cpu.cfs_quota_us"

    /// - Returns: `nil` if neither quota nor period is set.
    fileprivate init?(_ settings: [Setting]) {
        var isSet = false
        for setting in settings {
            switch setting.file {
            // Negative is no limit.
            case Self.legacyFile: quota = UInt64(setting.value)
            case "cpu.cfs_period_us": period = UInt64(setting.value) ?? period
            default: continue
            }
            isSet = true
        }
        if !isSet { return nil }
    }
}
