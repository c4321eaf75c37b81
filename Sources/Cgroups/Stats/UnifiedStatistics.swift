import Diagnosis
import Kernel

/// A container's figures in the cgroup v2 tree (cgroup-v2.rst, "Controllers").
struct UnifiedStatistics {
    private let file: StatisticsFile
    /// Controllers that are bound to cgroup v1, by their names there.
    private let legacy: Set<String>

    init(directory: String, except legacy: Set<String> = []) {
        file = StatisticsFile(directory: directory)
        self.legacy = legacy
    }

    func read(into statistics: inout Statistics) throws(SystemError) {
        if !legacy.contains("pids") { try read(&statistics.pids) }
        if !legacy.contains("memory") { try read(&statistics.memory) }
        if !legacy.contains("blkio") { try read(&statistics.blockIO) }
        // cpu.stat is there whether or not the controller is.
        if !legacy.contains("cpuacct") { try read(&statistics.cpu) }
        if !legacy.contains("hugetlb") { try read(&statistics.hugetlb) }
        statistics.memory.pressure = try pressure("memory.pressure")
        statistics.blockIO.pressure = try pressure("io.pressure")
        statistics.cpu.pressure = try pressure("cpu.pressure")
    }

    private func read(_ pids: inout Statistics.Pids) throws(SystemError) {
        if let current = try file.number("pids.current") {
            pids.current = current
            let limit = try file.number("pids.max") ?? .max
            pids.limit = limit == .max ? 0 : limit
            return
        }
        // Without the controller. A threaded cgroup shows its threads only.
        var processes = try file.lines("cgroup.procs")
        if processes == nil { processes = try file.lines("cgroup.threads") }
        pids.current = UInt64(processes?.count ?? 0)
    }

    private func read(_ memory: inout Statistics.Memory) throws(SystemError) {
        guard let table = try file.table("memory.stat") else { return }
        for (key, value) in table { memory.raw[key] = value }
        memory.cache = memory.raw["file"] ?? 0
        memory.usage = try counter("memory") ?? .init()
        guard var swap = try counter("memory.swap") else { return }
        // v1 counts them together. The peaks were not at one time, so there is none of both.
        swap.usage += memory.usage.usage
        if swap.limit != .max { swap.limit = swap.limit.addingClamped(memory.usage.limit) }
        swap.peak = 0
        memory.swap = swap
    }

    private func counter(_ prefix: String) throws(SystemError) -> Statistics.Counter? {
        guard let usage = try file.number("\(prefix).current") else { return nil }
        var counter = Statistics.Counter()
        counter.usage = usage
        counter.limit = try file.number("\(prefix).max") ?? 0
        counter.peak = try file.number("\(prefix).peak") ?? 0
        return counter
    }

    private func read(_ block: inout Statistics.BlockIO) throws(SystemError) {
        for line in try file.lines("io.stat") ?? [] {
            let fields = line.split(separator: " ")
            let numbers = (fields.first ?? "").split(separator: ":")
            guard numbers.count == 2 else { continue }
            let major = try StatisticsFile.number(numbers[0], "io.stat")
            let minor = try StatisticsFile.number(numbers[1], "io.stat")
            for field in fields.dropFirst() {
                let parts = field.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, ["rbytes", "wbytes", "rios", "wios"].contains(parts[0]) else {
                    continue
                }
                let entry = Statistics.BlockIO.Entry(
                    major: major, minor: minor, operation: parts[0].hasPrefix("r") ? "Read" : "Write",
                    value: try StatisticsFile.number(parts[1], "io.stat"))
                if parts[0].hasSuffix("bytes") {
                    block.serviceBytes.append(entry)
                } else {
                    block.serviced.append(entry)
                }
            }
        }
    }

    private func read(_ cpu: inout Statistics.CPU) throws(SystemError) {
        for (key, value) in try file.table("cpu.stat") ?? [] {
            switch key {
            case "usage_usec": cpu.total = value.multipliedClamped(1000)
            case "user_usec": cpu.user = value.multipliedClamped(1000)
            case "system_usec": cpu.kernel = value.multipliedClamped(1000)
            case "nr_periods": cpu.periods = value
            case "nr_throttled": cpu.throttledPeriods = value
            case "throttled_usec": cpu.throttledTime = value.multipliedClamped(1000)
            default: break
            }
        }
    }

    private func read(_ hugetlb: inout [String: Statistics.Hugetlb]) throws(SystemError) {
        for size in StatisticsFile.hugePageSizes() {
            // Reservations are limited too (Linux 5.15), and are what has been promised.
            var usage = try file.number("hugetlb.\(size).rsvd.current")
            if usage == nil { usage = try file.number("hugetlb.\(size).current") }
            guard let usage else { continue }
            var entry = Statistics.Hugetlb()
            entry.usage = usage
            entry.failures = try file.table("hugetlb.\(size).events")?.first { $0.key == "max" }?.value ?? 0
            hugetlb[size] = entry
        }
    }

    /// `nil` where the kernel does not keep it: CONFIG_PSI, psi=1, cgroup.pressure.
    private func pressure(_ name: String) throws(SystemError) -> Statistics.Pressure? {
        guard let lines = try file.lines(name) else { return nil }
        var pressure = Statistics.Pressure()
        for line in lines {
            if line.hasPrefix("some ") { pressure.some = try share(line, name) }
            if line.hasPrefix("full ") { pressure.full = try share(line, name) }
        }
        return pressure
    }

    /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
    private func share(_ line: Substring, _ name: String) throws(SystemError) -> Statistics.Pressure.Share {
        var share = Statistics.Pressure.Share()
        for field in line.split(separator: " ").dropFirst() {
            let parts = field.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw StatisticsFile.malformed(line, name) }
            if parts[0] == "total" {
                share.total = try StatisticsFile.number(parts[1], name)
                continue
            }
            guard let value = Double(parts[1]) else { throw StatisticsFile.malformed(line, name) }
            switch parts[0] {
            case "avg10": share.average10 = value
            case "avg60": share.average60 = value
            case "avg300": share.average300 = value
            default: break
            }
        }
        return share
    }
}

extension UInt64 {
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }

    func multipliedClamped(_ factor: UInt64) -> UInt64 {
        let (product, overflows) = multipliedReportingOverflow(by: factor)
        return overflows ? .max : product
    }
}
