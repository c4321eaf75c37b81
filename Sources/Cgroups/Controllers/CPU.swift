import Diagnosis
import Glibc
import OCISpec

// cpu.weight, cpu.max, cpu.max.burst, cpu.idle (cgroup-v2.rst, "CPU").

extension Resources.CPU {
    func settings(at pointer: Pointer) throws(Failure) -> [Setting] {
        try requireNoRealtime(at: pointer)
        var settings: [Setting] = []
        func add(
            _ file: String, _ value: String, _ field: String, _ refusal: Setting.Refusal = .final,
            since release: String? = nil
        ) {
            var setting = Setting(
                controller: .cpu, file: file, value: value, origin: pointer.key(field), refusal: refusal)
            setting.whenMissing = release.map { "\(file) needs Linux \($0)" }
            settings.append(setting)
        }

        let weight = Self.weight(shares: shares ?? 0)
        if let idle = try checkedIdle(at: pointer) {
            add("cpu.idle", String(idle), "idle", idle == 0 ? .redundantIfMissing : .final, since: "5.15")
        }
        if let weight { add("cpu.weight", String(weight), "shares") }

        let limited = (quota ?? 0) != 0 || (period ?? 0) != 0
        if let burst {
            // A burst above the old quota is refused, and so is a new quota below the old burst.
            let refusal: Setting.Refusal =
                burst == 0 ? .redundantIfMissing : limited ? .onceMoreAtTheEnd : .final
            add("cpu.max.burst", String(burst), "burst", refusal, since: "5.14")
        }
        if limited {
            add(
                "cpu.max", Self.maximum(quota: quota ?? 0, period: period ?? 0),
                (quota ?? 0) != 0 ? "quota" : "period", (quota ?? 0) > 0 ? .final : .redundantIfMissing)
        }
        return settings
    }

    /// cgroup v1's shares (2 to 262144, 1024 by default) as v2's weight (1 to 10000, 100 by default).
    ///
    /// A quadratic curve over the logarithm through the least, the default and the greatest value; the formula
    /// of runc 1.3.2, crun 1.23 and youki 0.7.
    /// - Returns: `nil` for 0, "not set".
    static func weight(shares: UInt64) -> UInt64? {
        if shares == 0 { return nil }
        if shares <= 2 { return 1 }
        if shares >= 262_144 { return 10_000 }
        let l = log2(Double(shares))
        let exponent = (l * l + 125 * l) / 612 - 7.0 / 34
        return UInt64(ceil(pow(10, exponent)))
    }

    /// `cpu.max`: quota and period in microseconds. Without a quota, or with a negative one, there is no limit.
    static func maximum(quota: Int64, period: UInt64) -> String {
        "\(quota > 0 ? String(quota) : "max") \(period == 0 ? 100_000 : period)"
    }

    func checkedIdle(at pointer: Pointer) throws(Failure) -> Int64? {
        guard let idle else { return nil }
        guard idle == 0 || idle == 1 else {
            throw Failure(at: pointer.key("idle"), "\(idle) is neither 0 nor 1")
        }
        if idle == 1, shares ?? 0 != 0 {
            throw Failure(
                at: pointer.key("idle"),
                "an idle cgroup has no shares: the kernel gives it the least weight",
                remedy: "set either cpu.idle to 1 or cpu.shares")
        }
        return idle
    }

    private func requireNoRealtime(at pointer: Pointer) throws(Failure) {
        if let realtimeRuntime, realtimeRuntime != 0 {
            throw Failure.legacyOnly(
                pointer.key("realtimeRuntime"), value: "a realtime runtime (\(realtimeRuntime))")
        }
        if let realtimePeriod, realtimePeriod != 0 {
            throw Failure.legacyOnly(
                pointer.key("realtimePeriod"), value: "a realtime period (\(realtimePeriod))")
        }
    }
}
