import DBus
import Diagnosis
import OCISpec
import Testing

@testable import Cgroups

/// What systemd is told of limits that are cgroup v1's.
@Suite struct LegacyUnitTests {
    private let host = CgroupHost(
        kind: .hybrid, unifiedMount: "/sys/fs/cgroup/unified",
        legacy: ["cpu,cpuacct", "memory", "pids", "blkio", "freezer", "devices"].map {
            LegacyHierarchy(
                controllers: $0.split(separator: ",").map(String.init), mountPoint: "/sys/fs/cgroup/\($0)")
        })

    private func limits(_ change: (inout Resources) -> Void) throws(Failure) -> Limits {
        var resources = Resources()
        change(&resources)
        return try Limits(resources, on: host)
    }

    @Test func limits() throws {
        let limits = try limits {
            $0.memory = .init()
            $0.memory?.limit = 100
            $0.cpu = .init()
            $0.cpu?.shares = 512
            $0.pids = .init()
            $0.pids?.limit = 7
        }
        #expect(
            try limits.unitProperties(systemd: 252) == [
                UnitProperty("TasksMax", .uint64(7)), UnitProperty("MemoryLimit", .uint64(100)),
                UnitProperty("CPUShares", .uint64(512)),
            ])
    }

    @Test func unlimited() throws {
        let limits = try limits {
            $0.memory = .init()
            $0.memory?.limit = -1
            $0.pids = .init()
            $0.pids?.limit = -1
        }
        #expect(
            try limits.unitProperties(systemd: 252) == [
                UnitProperty("TasksMax", .uint64(.max)), UnitProperty("MemoryLimit", .uint64(.max)),
            ])
    }

    @Test(
        arguments: [
            (12_345, 0, 130_000, 100_000, ["13000"]), (20_000, 50_000, 400_000, 50_000, ["50000", "20000"]),
            (-1, 50_000, UInt64.max, 50_000, ["50000", "-1"]), (0, 50_000, UInt64.max, 50_000, ["50000"]),
        ] as [(Int64, UInt64, UInt64, UInt64, [String])]
    ) func quota(
        _ row: (quota: Int64, period: UInt64, perSecond: UInt64, told: UInt64, files: [String])
    ) throws {
        let limits = try limits {
            $0.cpu = .init()
            $0.cpu?.quota = row.quota
            $0.cpu?.period = row.period
        }
        #expect(
            try limits.unitProperties(systemd: 252) == [
                UnitProperty("CPUQuotaPeriodUSec", .uint64(row.told)),
                UnitProperty("CPUQuotaPerSecUSec", .uint64(row.perSecond)),
            ])
        #expect(limits.roundedForSystemd().legacy.settings.map(\.value) == row.files)
    }

    @Test func devicesWithoutWordsForThem() throws {
        var minorOnly = Resources.DeviceRule(allow: true)
        minorOnly.type = .c
        minorOnly.minor = 5
        minorOnly.access = "r"
        let filter = try DeviceFilter([minorOnly], at: "/x", nodes: [])
        func policy(_ isLegacy: Bool) -> Value? {
            filter.unitProperties(systemd: 252, isLegacy: isLegacy).last { $0.name == "DevicePolicy" }?.value
        }
        #expect(policy(false) == .string("auto"))
        // Without a list systemd would take the process out of the cgroup whose list guards it.
        #expect(policy(true) == .string("strict"))
    }
}
