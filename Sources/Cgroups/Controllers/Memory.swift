import Diagnosis
import OCISpec

// memory.max, memory.swap.max, memory.low (cgroup-v2.rst, "Memory").

extension Resources.Memory {
    func settings(at pointer: Pointer, _ notes: inout Limits.Notes) throws(Failure) -> [Setting] {
        try requireNoLegacyLimit(at: pointer, &notes)
        let limit = try checked(limit, pointer.key("limit"))
        let reservation = try checked(reservation, pointer.key("reservation"))
        let swap = try checked(swap, pointer.key("swap"))

        var settings: [Setting] = []
        if let value = try Self.swapMax(swap: swap, limit: limit, at: pointer.key("swap")) {
            var setting = Setting(
                controller: .memory, file: "memory.swap.max", value: value,
                origin: pointer.key(swap == 0 ? "limit" : "swap"))
            setting.whenMissing =
                "the kernel does not account for swap (CONFIG_SWAP, swapaccount=1)"
            if value == "max" || value == "0" { setting.refusal = .redundantIfMissing }
            settings.append(setting)
        }
        if limit != 0 {
            var setting = Setting(
                controller: .memory, file: "memory.max", value: Self.bytes(limit),
                origin: pointer.key("limit"))
            if limit == -1 { setting.refusal = .redundantIfMissing }
            settings.append(setting)
        }
        if reservation != 0 {
            settings.append(
                Setting(
                    controller: .memory, file: "memory.low", value: Self.bytes(reservation),
                    origin: pointer.key("reservation")))
        }
        notes.usageChecks += usageChecks("memory.current", limit: limit, swap: swap, at: pointer)
        return settings
    }

    /// - Parameter file: says how much is in use.
    func usageChecks(_ file: String, limit: Int64, swap: Int64, at pointer: Pointer) -> [UsageCheck] {
        guard checkBeforeUpdate == true else { return [] }
        return [(swap, "swap"), (limit, "limit")].filter { $0.0 > 0 }.map { value, name in
            UsageCheck(file: file, limit: UInt64(value), origin: pointer.key(name))
        }
    }

    /// cgroup v1 counts memory and swap together, v2 swap alone. Zero is "not set".
    ///
    /// - Returns: `nil` to leave the file alone.
    static func swapMax(swap: Int64, limit: Int64, at pointer: Pointer) throws(Failure) -> String? {
        if swap == 0 { return limit == -1 ? "max" : nil }
        if swap == -1 { return "max" }
        if limit == -1 { return String(swap) }
        if limit == 0 {
            throw Failure(
                at: pointer, "unable to set swap limit without memory limit",
                remedy: "set memory.limit too; swap counts memory and swap together")
        }
        if swap < limit {
            throw Failure(
                at: pointer,
                "memory+swap limit should be >= memory limit: \(swap) is below \(limit)",
                remedy: "swap counts memory and swap together")
        }
        return String(swap - limit)
    }

    private static func bytes(_ value: Int64) -> String { value == -1 ? "max" : String(value) }

    func checked(_ value: Int64?, _ pointer: Pointer) throws(Failure) -> Int64 {
        guard let value, value < -1 else { return value ?? 0 }
        throw Failure(at: pointer, "\(value) is not a number of bytes, nor -1 for unlimited")
    }

    static func ignored(_ pointer: Pointer) -> String {
        "\(pointer): kernel memory limits are ignored: the kernel no longer has them"
    }

    private func requireNoLegacyLimit(at pointer: Pointer, _ notes: inout Limits.Notes) throws(Failure) {
        // useHierarchy is accepted either way: cgroup v2 is always hierarchical, and so is v1 since Linux 5.11.
        if let swappiness {
            throw Failure.legacyOnly(
                pointer.key("swappiness"), value: "a swappiness (\(swappiness))",
                "use memory.swap to limit swap")
        }
        if disableOOMKiller == true {
            throw Failure.legacyOnly(
                pointer.key("disableOOMKiller"), value: "disabling the OOM killer",
                "set process.oomScoreAdj instead")
        }
        for (value, name) in [(kernel, "kernel"), (kernelTCP, "kernelTCP")] {
            if let value, value > 0 {
                notes.warnings.append(Self.ignored(pointer.key(name)))
            }
        }
    }
}
