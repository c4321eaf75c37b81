import Diagnosis
import OCISpec

// memory.limit_in_bytes, memory.memsw.limit_in_bytes, memory.soft_limit_in_bytes, memory.kmem.tcp.limit_in_bytes,
// memory.oom_control, memory.swappiness (cgroup-v1/memory.rst).

extension Resources.Memory {
    /// For cgroup v1.
    func legacySettings(at pointer: Pointer, _ notes: inout Limits.Notes) throws(Failure) -> [Setting] {
        let limit = try checked(limit, pointer.key("limit"))
        let reservation = try checked(reservation, pointer.key("reservation"))
        let swap = try checked(swap, pointer.key("swap"))
        let tcp = try checked(kernelTCP, pointer.key("kernelTCP"))
        if swap > 0 && limit > 0 { _ = try Self.swapMax(swap: swap, limit: limit, at: pointer.key("swap")) }
        if let kernel, kernel > 0 { notes.warnings.append(Self.ignored(pointer.key("kernel"))) }

        var settings: [Setting] = []
        func add(
            _ file: String, _ value: String, _ field: String, _ refusal: Setting.Refusal = .final,
            needs: String? = nil
        ) {
            var setting = Setting(
                controller: .memory, file: file, value: value, origin: pointer.key(field), refusal: refusal)
            setting.whenMissing = needs
            settings.append(setting)
        }
        // Memory alone is never above memory and swap together, so the order depends on what was there before:
        // down, memory comes first; up, the kernel refuses it with EINVAL until the sum is higher.
        if limit != 0 {
            add(
                "memory.limit_in_bytes", String(limit), "limit",
                limit == -1 && swap == 0 || swap != 0 ? .onceMoreAtTheEnd : .final)
        }
        let both = swap == 0 && limit == -1 ? -1 : swap
        if both != 0 {
            add(
                "memory.memsw.limit_in_bytes", String(both), swap == 0 ? "limit" : "swap",
                both == -1 ? .redundantIfMissing : .final,
                needs: "the kernel does not account for swap (CONFIG_SWAP, swapaccount=1)")
        }
        if reservation != 0 { add("memory.soft_limit_in_bytes", String(reservation), "reservation") }
        if tcp != 0 {
            add(
                "memory.kmem.tcp.limit_in_bytes", String(tcp), "kernelTCP",
                tcp == -1 ? .redundantIfMissing : .final,
                needs: "the kernel no longer limits the memory of TCP buffers")
        }
        if disableOOMKiller == true { add("memory.oom_control", "1", "disableOOMKiller") }
        if let swappiness {
            guard swappiness <= 100 else {
                throw Failure(at: pointer.key("swappiness"), "\(swappiness) is not a swappiness of 0 to 100")
            }
            add("memory.swappiness", String(swappiness), "swappiness")
        }
        notes.usageChecks += usageChecks("memory.usage_in_bytes", limit: limit, swap: 0, at: pointer)
        notes.usageChecks += usageChecks("memory.memsw.usage_in_bytes", limit: 0, swap: swap, at: pointer)
        return settings
    }
}
