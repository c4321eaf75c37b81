import Diagnosis
import Kernel

/// A container's figures in cgroup v1 hierarchies (Documentation/admin-guide/cgroup-v1).
struct LegacyStatistics {
    /// The container's directory by controller: `memory`, `cpuacct`.
    let directories: [String: String]

    init(directories: [String: String]) { self.directories = directories }

    func read() throws(SystemError) -> Statistics {
        var statistics = Statistics()
        if let file = file("cpu") { try throttling(file, &statistics.cpu) }
        if let file = file("cpuacct") { try accounting(file, &statistics.cpu) }
        if let file = file("cpuset") { try read(file, &statistics.cpuset) }
        if let file = file("memory") { try read(file, &statistics.memory) }
        if let file = file("pids") { try read(file, &statistics.pids) }
        if let file = file("blkio") { try read(file, &statistics.blockIO) }
        if let file = file("hugetlb") { try read(file, &statistics.hugetlb) }
        return statistics
    }

    private func file(_ controller: String) -> StatisticsFile? {
        directories[controller].map { StatisticsFile(directory: $0) }
    }

    private func throttling(_ file: StatisticsFile, _ cpu: inout Statistics.CPU) throws(SystemError) {
        for (key, value) in try file.table("cpu.stat") ?? [] {
            switch key {
            case "nr_periods": cpu.periods = value
            case "nr_throttled": cpu.throttledPeriods = value
            case "throttled_time": cpu.throttledTime = value
            default: break
            }
        }
    }

    private func accounting(_ file: StatisticsFile, _ cpu: inout Statistics.CPU) throws(SystemError) {
        // In USER_HZ, which is 100 for every program.
        let nanosecondsPerTick: UInt64 = 10_000_000
        for (key, value) in try file.table("cpuacct.stat") ?? [] {
            switch key {
            case "user": cpu.user = value.multipliedClamped(nanosecondsPerTick)
            case "system": cpu.kernel = value.multipliedClamped(nanosecondsPerTick)
            default: break
            }
        }
        cpu.total = try file.number("cpuacct.usage") ?? 0
        for text in try file.lines("cpuacct.usage_percpu")?.first?.split(separator: " ") ?? [] {
            cpu.perCPU.append(try StatisticsFile.number(text, "cpuacct.usage_percpu"))
        }
        // A head line, "cpu user system", and a line for each CPU.
        for line in try file.lines("cpuacct.usage_all")?.dropFirst() ?? [] {
            let fields = line.split(separator: " ")
            guard fields.count >= 3 else { continue }
            cpu.perCPUUser.append(try StatisticsFile.number(fields[1], "cpuacct.usage_all"))
            cpu.perCPUKernel.append(try StatisticsFile.number(fields[2], "cpuacct.usage_all"))
        }
    }

    private func read(_ file: StatisticsFile, _ cpuset: inout Statistics.Cpuset) throws(SystemError) {
        // Without the prefix if the hierarchy is mounted with the option `noprefix`.
        let prefix = FileTree.exists("\(file.directory)/cpuset.cpus") ? "cpuset." : ""
        cpuset.cpus = try Self.list(file.lines(prefix + "cpus")?.first ?? "")
        cpuset.mems = try Self.list(file.lines(prefix + "mems")?.first ?? "")
        for flag in Statistics.Cpuset.flagNames {
            cpuset.flags[flag] = try file.number(prefix + flag)
        }
        // -1 is the system's own.
        if let level = try file.lines(prefix + "sched_relax_domain_level")?.first.flatMap({ Int64($0) }) {
            cpuset.schedRelaxDomainLevel = level
        }
    }

    /// Numbers and ranges: `0-3,8`.
    static func list(_ text: Substring) throws(SystemError) -> [UInt16] {
        var numbers: [UInt16] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-").map { UInt16($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last
            else { throw StatisticsFile.malformed(text, "cpuset") }
            numbers += first...last
        }
        return numbers
    }

    private func read(_ file: StatisticsFile, _ memory: inout Statistics.Memory) throws(SystemError) {
        guard let table = try file.table("memory.stat") else { return }
        for (key, value) in table { memory.raw[key] = value }
        memory.cache = memory.raw["cache"] ?? 0
        memory.usage = try counter(file, "memory")
        memory.swap = try counter(file, "memory.memsw")
        memory.kernel = try counter(file, "memory.kmem")
        memory.kernelTCP = try counter(file, "memory.kmem.tcp")
    }

    private func counter(_ file: StatisticsFile, _ prefix: String) throws(SystemError) -> Statistics.Counter {
        var counter = Statistics.Counter()
        counter.usage = try file.number("\(prefix).usage_in_bytes") ?? 0
        counter.peak = try file.number("\(prefix).max_usage_in_bytes") ?? 0
        counter.failures = try file.number("\(prefix).failcnt") ?? 0
        counter.limit = try file.number("\(prefix).limit_in_bytes") ?? 0
        return counter
    }

    private func read(_ file: StatisticsFile, _ pids: inout Statistics.Pids) throws(SystemError) {
        pids.current = try file.number("pids.current") ?? 0
        let limit = try file.number("pids.max") ?? .max
        pids.limit = limit == .max ? 0 : limit
    }

    /// From the files of the I/O scheduler that has figures of its own, or else from those of throttling, which
    /// are always there. The best ones come first.
    private func read(_ file: StatisticsFile, _ block: inout Statistics.BlockIO) throws(SystemError) {
        for prefix in ["blkio.bfq.", "blkio."] {
            let served = try entries(file, prefix + "io_serviced_recursive") ?? []
            if served.isEmpty { continue }
            block.serviced = served
            block.serviceBytes = try entries(file, prefix + "io_service_bytes_recursive") ?? []
            block.sectors = try entries(file, prefix + "sectors_recursive") ?? []
            block.serviceTime = try entries(file, prefix + "io_service_time_recursive") ?? []
            block.waitTime = try entries(file, prefix + "io_wait_time_recursive") ?? []
            block.merged = try entries(file, prefix + "io_merged_recursive") ?? []
            block.queued = try entries(file, prefix + "io_queued_recursive") ?? []
            block.time = try entries(file, prefix + "time_recursive") ?? []
            return
        }
        for suffix in ["_recursive", ""] {
            guard let served = try entries(file, "blkio.throttle.io_serviced" + suffix), !served.isEmpty
            else { continue }
            block.serviced = served
            block.serviceBytes = try entries(file, "blkio.throttle.io_service_bytes" + suffix) ?? []
            return
        }
    }

    /// Lines such as `8:0 Read 12` and `8:0 12`; the line `Total 12` at the end is left out.
    private func entries(
        _ file: StatisticsFile, _ name: String
    ) throws(SystemError) -> [Statistics.BlockIO.Entry]? {
        guard let lines = try file.lines(name) else { return nil }
        var entries: [Statistics.BlockIO.Entry] = []
        for line in lines {
            let fields = line.split { $0 == " " || $0 == ":" }
            if fields.first == "Total" { continue }
            guard fields.count == 3 || fields.count == 4 else { throw StatisticsFile.malformed(line, name) }
            entries.append(
                Statistics.BlockIO.Entry(
                    major: try StatisticsFile.number(fields[0], name),
                    minor: try StatisticsFile.number(fields[1], name),
                    operation: fields.count == 4 ? String(fields[2]) : "",
                    value: try StatisticsFile.number(fields[fields.count - 1], name)))
        }
        return entries
    }

    private func read(
        _ file: StatisticsFile, _ hugetlb: inout [String: Statistics.Hugetlb]
    ) throws(SystemError) {
        for size in StatisticsFile.hugePageSizes() {
            for prefix in ["hugetlb.\(size).rsvd", "hugetlb.\(size)"] {
                guard let usage = try file.number("\(prefix).usage_in_bytes") else { continue }
                var entry = Statistics.Hugetlb()
                entry.usage = usage
                entry.peak = try file.number("\(prefix).max_usage_in_bytes") ?? 0
                entry.failures = try file.number("\(prefix).failcnt") ?? 0
                hugetlb[size] = entry
                break
            }
        }
    }
}
