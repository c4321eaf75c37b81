import CRIProto
import Diagnosis
import OCISpec

/// The interface's limits in the specification's terms; for containers and for updates of them.
package struct CompiledResources: Equatable, Sendable {
    /// No devices.
    package var resources = Resources()
    /// What was asked for and is not, each with the field's pointer.
    package var warnings: [String] = []
}

extension CompiledResources {
    /// - Parameter pointer: Where the message is in its request: `/config/linux/resources`, `/linux`.
    package init(
        _ limits: Runtime_V1_LinuxContainerResources, at pointer: Pointer, host: HostFacts,
        options: SpecificationOptions
    ) throws(SpecificationError) {
        try setCPU(limits, at: pointer)
        try setMemory(limits, at: pointer, host)
        try setHugepages(limits.hugepageLimits, at: pointer.key("hugepage_limits"), host, options)
        if !limits.unified.isEmpty {
            let pointer = pointer.key("unified")
            if !host.isUnified {
                throw SpecificationError(
                    at: pointer, "files of cgroup v2, but the host has cgroup v1",
                    remedy: "leave the field out on this node")
            }
            resources.unified = limits.unified.map { Resources.Unified(file: $0.key, value: $0.value) }
                .sorted { $0.file < $1.file }
        }
        do throws(Failure) {
            try resources.validate()
        } catch {
            throw SpecificationError(.invalidArgument, Self.translated(error, below: pointer))
        }
    }

    /// What `oom_score_adj` is to be.
    ///
    /// - Returns: the value, and a warning if it is not what was asked for.
    package static func oomScore(
        _ score: Int64, at pointer: Pointer, host: HostFacts, options: SpecificationOptions
    ) throws(SpecificationError) -> (score: Int, warning: String?) {
        guard (-1000...1000).contains(score) else {
            throw SpecificationError(at: pointer, "\(score) is out of range: -1000 to 1000 is allowed")
        }
        let own = host.oomScoreAdjustment
        guard score < own, !host.mayLowerOOMScore, options.restrictsOOMScoreAdjustment else {
            return (Int(score), nil)
        }
        return (
            own,
            "\(pointer): \(score) is below the daemon's \(own), which takes CAP_SYS_RESOURCE: \(own) is set"
        )
    }

    private mutating func setCPU(
        _ limits: Runtime_V1_LinuxContainerResources, at pointer: Pointer
    ) throws(SpecificationError) {
        var cpu = Resources.CPU()
        for (name, value) in [("cpu_period", limits.cpuPeriod), ("cpu_shares", limits.cpuShares)]
        where value < 0 {
            throw SpecificationError(at: pointer.key(name), "\(value) is less than 0, which leaves it unset")
        }
        if limits.cpuQuota < -1 {
            throw SpecificationError(
                at: pointer.key("cpu_quota"), "\(limits.cpuQuota) is less than -1, which is no limit")
        }
        if limits.cpuPeriod != 0 { cpu.period = UInt64(limits.cpuPeriod) }
        if limits.cpuQuota != 0 { cpu.quota = limits.cpuQuota }
        if limits.cpuShares != 0 { cpu.shares = UInt64(limits.cpuShares) }
        if !limits.cpusetCpus.isEmpty { cpu.cpus = limits.cpusetCpus }
        if !limits.cpusetMems.isEmpty { cpu.mems = limits.cpusetMems }
        if cpu != Resources.CPU() { resources.cpu = cpu }
    }

    /// Without a limit for swap, a container with a memory limit gets no swap.
    private mutating func setMemory(
        _ limits: Runtime_V1_LinuxContainerResources, at pointer: Pointer, _ host: HostFacts
    ) throws(SpecificationError) {
        let limit = limits.memoryLimitInBytes
        let swap = limits.memorySwapLimitInBytes
        if limit == 0 && swap == 0 { return }
        var memory = Resources.Memory()
        if limit != 0 { memory.limit = limit }
        if host.accountsForSwap {
            if swap != 0 { memory.swap = swap } else if limit > 0 { memory.swap = limit }
        } else if swap > 0, swap != limit {
            warnings.append(
                "\(pointer.key("memory_swap_limit_in_bytes")): the host does not account for swap: not limited"
            )
        }
        resources.memory = memory
    }

    /// A power of two of KB, MB or GB, as the kernel's files are named (cgroup-v2.rst, "HugeTLB Interface Files").
    private static func canBeSize(_ text: String) -> Bool {
        guard let unit = ["KB", "MB", "GB"].first(where: text.hasSuffix),
            let count = UInt32(text.dropLast(unit.count))
        else { return false }
        return count.nonzeroBitCount == 1
    }

    private mutating func setHugepages(
        _ limits: [Runtime_V1_HugepageLimit], at pointer: Pointer, _ host: HostFacts,
        _ options: SpecificationOptions
    ) throws(SpecificationError) {
        for (index, limit) in limits.enumerated() {
            guard Self.canBeSize(limit.pageSize) else {
                throw SpecificationError(
                    at: pointer.index(index).key("page_size"),
                    "\(quoted(limit.pageSize)) is no size of huge pages; they are like 2MB and 1GB")
            }
            let size = Resources.HugepageLimit(pageSize: limit.pageSize, limit: limit.limit)
            if host.hugepageSizes.contains(limit.pageSize) {
                resources.hugepageLimits.append(size)
                continue
            }
            var one = Resources()
            one.hugepageLimits = [size]
            do throws(Failure) {
                try one.validate()
            } catch {
                throw SpecificationError(at: pointer.index(index).key("page_size"), error.reason)
            }
            guard options.toleratesMissingHugetlb else {
                throw SpecificationError(
                    at: pointer.index(index).key("page_size"),
                    "the host cannot limit huge pages of \(limit.pageSize)",
                    remedy: "enable the hugetlb controller, or tolerate that it is missing")
            }
            warnings.append(
                "\(pointer.index(index)): the host cannot limit huge pages of \(limit.pageSize): not limited")
        }
    }

    /// A failure of the specification's field in the interface's terms.
    static func translated(_ failure: Failure, below pointer: Pointer) -> Failure {
        let fields = [
            ("/cpu/period", "cpu_period"), ("/cpu/quota", "cpu_quota"), ("/cpu/shares", "cpu_shares"),
            ("/cpu/cpus", "cpuset_cpus"), ("/cpu/mems", "cpuset_mems"),
            ("/memory/limit", "memory_limit_in_bytes"),
            ("/memory/swap", "memory_swap_limit_in_bytes"), ("/unified", "unified"),
            ("/hugepageLimits", "hugepage_limits"),
        ]
        guard case .config(let found) = failure.origin else { return failure }
        var failure = failure
        for (field, name) in fields where found.description.hasPrefix(field) {
            let rest = found.description.dropFirst(field.count)
            failure.origin = .config(Pointer(pointer.key(name).description + rest))
            if let remedy = failure.remedy, remedy.contains("/linux/resources/memory/limit") {
                failure.remedy = "set \(pointer.key("memory_limit_in_bytes")) too"
            }
            return failure
        }
        failure.origin = .config(pointer)
        return failure
    }
}

extension Compilation {
    mutating func compileResources() throws(SpecificationError) {
        let pointer: Pointer = "/config/linux/resources"
        let limits = input.container.linux.resources
        let compiled = try CompiledResources(limits, at: pointer, host: input.host, options: input.options)
        let devices = linux.resources?.devices ?? []
        var resources = compiled.resources
        resources.devices = devices
        if let limit = input.options.pidsLimit {
            var pids = Resources.Pids()
            pids.limit = limit
            resources.pids = pids
        }
        linux.resources = resources
        warnings += compiled.warnings
        try compileOOMScore(limits.oomScoreAdj, at: pointer.key("oom_score_adj"))
    }

    /// Set always: else a container would have the daemon's, which is far from what it asked for.
    private mutating func compileOOMScore(_ asked: Int64, at pointer: Pointer) throws(SpecificationError) {
        let (score, warning) = try CompiledResources.oomScore(
            asked, at: pointer, host: input.host, options: input.options)
        process.oomScoreAdj = score
        if let warning, input.container.linux.hasResources { warnings.append(warning) }
    }
}
