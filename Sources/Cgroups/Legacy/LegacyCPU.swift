import Diagnosis
import OCISpec

// cpu.shares, cpu.cfs_quota_us, cpu.cfs_period_us, cpu.cfs_burst_us, cpu.rt_runtime_us, cpu.rt_period_us, cpu.idle
// (scheduler/sched-bwc.rst, scheduler/sched-rt-group.rst, sched-design-CFS.rst). Times are in microseconds.

extension Resources.CPU {
    /// For cgroup v1.
    func legacySettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        func add(
            _ file: String, _ value: String, _ field: String, _ refusal: Setting.Refusal = .final,
            needs: String? = nil
        ) {
            var setting = Setting(
                controller: .cpu, file: file, value: value, origin: pointer.key(field), refusal: refusal)
            setting.whenMissing = needs
            settings.append(setting)
        }
        let shares = try checkedShares(at: pointer.key("shares"))
        if let idle = try checkedIdle(at: pointer) {
            add(
                "cpu.idle", String(idle), "idle", idle == 0 ? .redundantIfMissing : .final,
                needs: "cpu.idle needs Linux 5.15")
        }
        if shares != 0 { add("cpu.shares", String(shares), "shares") }

        // Quota, period and burst are checked against one another at each write: what does not fit yet is written
        // again when the others are in place.
        let bandwidth = "the kernel limits no CPU time (CONFIG_CFS_BANDWIDTH)"
        let quota = quota ?? 0
        let period = period ?? 0
        if let burst {
            add(
                "cpu.cfs_burst_us", String(burst), "burst",
                burst == 0 ? .redundantIfMissing : quota != 0 || period != 0 ? .onceMoreAtTheEnd : .final,
                needs: "cpu.cfs_burst_us needs Linux 5.14")
        }
        if period != 0 {
            add(
                "cpu.cfs_period_us", String(period), "period", quota != 0 ? .onceMoreAtTheEnd : .final,
                needs: bandwidth)
        }
        if quota != 0 {
            add(
                "cpu.cfs_quota_us", String(quota), "quota", quota < 0 ? .redundantIfMissing : .final,
                needs: bandwidth)
        }
        let realtime = "the kernel does not share out realtime (CONFIG_RT_GROUP_SCHED)"
        let realtimeRuntime = realtimeRuntime ?? 0
        if let realtimePeriod, realtimePeriod != 0 {
            add(
                "cpu.rt_period_us", String(realtimePeriod), "realtimePeriod",
                realtimeRuntime != 0 ? .onceMoreAtTheEnd : .final, needs: realtime)
        }
        if realtimeRuntime != 0 {
            add("cpu.rt_runtime_us", String(realtimeRuntime), "realtimeRuntime", needs: realtime)
        }
        return settings
    }

    /// The kernel takes any number, and makes it the nearest that it can do.
    private func checkedShares(at pointer: Pointer) throws(Failure) -> UInt64 {
        guard let shares, shares != 0 else { return 0 }
        if shares < 2 { throw Failure(at: pointer, "\(shares): the minimum allowed cpu-shares is 2") }
        if shares > 262_144 {
            throw Failure(at: pointer, "\(shares): the maximum allowed cpu-shares is 262144")
        }
        return shares
    }
}
