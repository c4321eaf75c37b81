import DBus
import Diagnosis

// Limits as properties of a unit (systemd.resource-control(5)): what is not told to systemd, it takes back when it
// writes the unit's values anew.

extension Limits {
    /// The properties that say the same as the limits do; of those that systemd has no property for, none.
    ///
    /// - Parameter version: systemd's.
    /// - Throws: for a value that is none for the property of its file.
    func unitProperties(systemd version: Int) throws(Failure) -> [UnitProperty] {
        var properties: [UnitProperty] = []
        let isIdle = settings.contains { $0.file == "cpu.idle" && $0.words == ["1"] } && version >= 252
        for setting in settings {
            switch setting.file {
            case "memory.max": properties.append(try setting.number("MemoryMax"))
            case "memory.high": properties.append(try setting.number("MemoryHigh"))
            case "memory.low": properties.append(try setting.number("MemoryLow"))
            case "memory.min": properties.append(try setting.number("MemoryMin"))
            case "memory.swap.max": properties.append(try setting.number("MemorySwapMax"))
            // systemd knows no zero here.
            case "pids.max": properties.append(try setting.number("TasksMax", least: 1))
            case "cpu.weight" where !isIdle: properties.append(try setting.number("CPUWeight"))
            // The weight 0 is systemd's word for it.
            case "cpu.idle" where isIdle: properties.append(UnitProperty("CPUWeight", .uint64(0)))
            case "cpu.max": properties += try CPUQuota(setting).properties(systemd: version)
            case "cpuset.cpus" where version >= 244:
                properties.append(UnitProperty("AllowedCPUs", try setting.bits()))
            case "cpuset.mems" where version >= 244:
                properties.append(UnitProperty("AllowedMemoryNodes", try setting.bits()))
            default: break
            }
        }
        properties += try legacy.unitProperties(systemd: version)
        // `unified` comes last in the settings, and its word is the last one.
        return properties.enumerated().filter { entry in
            !properties[(entry.offset + 1)...].contains { $0.name == entry.element.name }
        }.map(\.element)
    }

    /// What can be said when a unit is made, and not later.
    func unitCreationProperties(systemd version: Int) -> [UnitProperty] {
        // OOMPolicy= of scopes: systemd 253.
        guard version >= 253, let setting = settings.last(where: { $0.file == "memory.oom.group" }) else {
            return []
        }
        switch setting.words {
        case ["0"]: return [UnitProperty("OOMPolicy", .string("continue"))]
        case ["1"]: return [UnitProperty("OOMPolicy", .string("kill"))]
        default: return []
        }
    }

    /// The limits with a CPU quota that systemd can express: both write it, and the container should not get
    /// another one by a `systemctl daemon-reload`.
    func roundedForSystemd() -> Limits {
        var limits = self
        for index in limits.settings.indices where limits.settings[index].file == "cpu.max" {
            guard let quota = try? CPUQuota(limits.settings[index]), let rounded = quota.rounded else {
                continue
            }
            limits.settings[index].value = "\(rounded) \(quota.period)"
        }
        limits.legacy = legacy.roundedForSystemd()
        return limits
    }
}

/// `cpu.max`: microseconds of CPU time in each period, of microseconds too.
struct CPUQuota: Equatable {
    /// `nil` is no limit.
    var quota: UInt64?
    var period: UInt64 = 100_000

    init(_ setting: Setting) throws(Failure) {
        let words = setting.words
        guard (1...2).contains(words.count) else { throw setting.refusal("QUOTA PERIOD") }
        if words[0] != "max" {
            guard let quota = UInt64(words[0]) else { throw setting.refusal("QUOTA PERIOD") }
            self.quota = quota
        }
        if words.count == 2 {
            guard let period = UInt64(words[1]), period > 0 else { throw setting.refusal("QUOTA PERIOD") }
            self.period = period
        }
    }

    /// Microseconds a second, rounded up to whole percents of a CPU, which is what systemd calculates with;
    /// `nil` without a limit.
    var perSecond: UInt64? {
        guard let quota else { return nil }
        let percent = Self.quotient(quota, 100, period)
        return percent.multipliedReportingOverflow(by: 10_000).overflow ? .max : percent * 10_000
    }

    /// The quota for whole percents of a CPU; `nil` if it is that already, or none.
    var rounded: UInt64? {
        guard let quota, let perSecond, perSecond != .max else { return nil }
        let product = perSecond.multipliedReportingOverflow(by: period)
        guard !product.overflow else { return nil }
        let rounded = product.partialValue / 1_000_000
        return rounded > quota ? rounded : nil
    }

    func properties(systemd version: Int) -> [UnitProperty] {
        var properties: [UnitProperty] = []
        if version >= 242 { properties.append(UnitProperty("CPUQuotaPeriodUSec", .uint64(period))) }
        properties.append(UnitProperty("CPUQuotaPerSecUSec", .uint64(perSecond ?? .max)))
        return properties
    }

    /// a·b/c, rounded up; the greatest number if it is greater.
    private static func quotient(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        guard product.high < c else { return .max }
        let (quotient, remainder) = c.dividingFullWidth(product)
        return remainder == 0 || quotient == .max ? quotient : quotient + 1
    }
}

extension Setting {
    /// The kernel forgives spaces around a value and so does runc.
    fileprivate var words: [String] {
        value.split { $0 == " " || $0 == "\t" || $0 == "\n" }.map(String.init)
    }

    func number(_ property: String, least: UInt64 = 0) throws(Failure) -> UnitProperty {
        guard words.count == 1 else { throw refusal("a number or \"max\"") }
        if words[0] == "max" { return UnitProperty(property, .uint64(.max)) }
        guard let number = UInt64(words[0]) else { throw refusal("a number or \"max\"") }
        return UnitProperty(property, .uint64(max(number, least)))
    }

    /// A list of CPUs or memory nodes as a bit field, the least significant byte first.
    fileprivate func bits() throws(Failure) -> Value {
        var bits: [UInt8] = []
        for word in value.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\n" }) {
            let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                0 <= first, first <= last, last < Self.maximumBits
            else { throw refusal("a list of numbers and ranges such as 0-3,8") }
            let missing = last / 8 + 1 - bits.count
            if missing > 0 { bits += [UInt8](repeating: 0, count: missing) }
            for bit in first...last { bits[bit / 8] |= 1 << (bit % 8) }
        }
        guard !bits.isEmpty else { throw refusal("a list of numbers and ranges such as 0-3,8") }
        return .bytes(bits)
    }

    /// Eight times what the largest kernels are built for (NR_CPUS).
    private static let maximumBits = 1 << 16

    fileprivate func refusal(_ wanted: String) -> Failure {
        Failure(at: origin, "\"\(value)\" for \(file) is not \(wanted), which systemd wants to be told")
    }
}
