import Diagnosis
import OCISpec
import Testing

@testable import Cgroups

/// What is written on a host with cgroup v1 only: "file = value", in the order of writing.
private func writes(_ change: (inout Resources) -> Void) throws(Failure) -> [String] {
    var resources = Resources()
    change(&resources)
    return try Limits(resources, on: .legacyAlone).legacy.settings.map { "\($0.file) = \($0.value)" }
}

private func memory(_ change: (inout Resources.Memory) -> Void) throws(Failure) -> [String] {
    var memory = Resources.Memory()
    change(&memory)
    return try writes { $0.memory = memory }
}

private func cpu(_ change: (inout Resources.CPU) -> Void) throws(Failure) -> [String] {
    var cpu = Resources.CPU()
    change(&cpu)
    return try writes { $0.cpu = cpu }
}

private func refusal(_ change: (inout Resources) -> Void, on host: CgroupHost = .legacyAlone) -> String? {
    var resources = Resources()
    change(&resources)
    do throws(Failure) {
        _ = try Limits(resources, on: host)
        return nil
    } catch {
        guard case .config(let pointer) = error.origin else { return "no pointer: \(error)" }
        return "\(pointer): \(error.reason)"
    }
}

@Suite struct LegacyLimitsTests {
    @Test func nothingAskedNothingWritten() throws {
        #expect(try Limits(Resources(), on: .legacyAlone).isEmpty)
        let zeros = try writes {
            $0.memory = .init()
            $0.memory?.limit = 0
            $0.memory?.swap = 0
            $0.memory?.kernel = 0
            $0.memory?.disableOOMKiller = false
            $0.memory?.useHierarchy = true
            $0.cpu = .init()
            $0.cpu?.shares = 0
            $0.cpu?.quota = 0
            $0.cpu?.realtimePeriod = 0
            $0.cpu?.cpus = ""
            $0.pids = .init()
            $0.blockIO = .init()
            $0.blockIO?.weight = 0
            $0.blockIO?.leafWeight = 0
            $0.network = .init()
            $0.network?.classID = 0
        }
        #expect(zeros == [])
    }

    @Test func everythingInOrder() throws {
        let all = try writes {
            $0.pids = .init()
            $0.pids?.limit = 64
            $0.memory = .init()
            $0.memory?.limit = 1000
            $0.memory?.swap = 1500
            $0.memory?.reservation = 500
            $0.memory?.kernelTCP = 300
            $0.memory?.disableOOMKiller = true
            $0.memory?.swappiness = 60
            $0.blockIO = .init()
            $0.blockIO?.weight = 100
            $0.blockIO?.leafWeight = 50
            var weight = Resources.WeightDevice(major: 8, minor: 0)
            weight.weight = 500
            weight.leafWeight = 20
            $0.blockIO?.weightDevice = [weight]
            $0.blockIO?.throttleReadBpsDevice = [.init(major: 8, minor: 0, rate: 1000)]
            $0.blockIO?.throttleWriteBpsDevice = [.init(major: 8, minor: 16, rate: .max)]
            $0.blockIO?.throttleReadIOPSDevice = [.init(major: 8, minor: 0, rate: 0)]
            $0.blockIO?.throttleWriteIOPSDevice = [.init(major: 8, minor: 0, rate: 7)]
            $0.cpu = .init()
            $0.cpu?.shares = 1024
            $0.cpu?.quota = 20_000
            $0.cpu?.period = 50_000
            $0.cpu?.burst = 1000
            $0.cpu?.idle = 0
            $0.cpu?.realtimePeriod = 1_000_000
            $0.cpu?.realtimeRuntime = 5000
            $0.cpu?.cpus = "0-1,3"
            $0.cpu?.mems = "0"
            $0.hugepageLimits = [.init(pageSize: "2MB", limit: 4_194_304)]
            $0.rdma = [.init(device: "mlx4_0")]
            $0.rdma[0].hcaHandles = 2
            $0.network = .init()
            $0.network?.classID = 0x10_0001
            $0.network?.priorities = [.init(name: "eth0", priority: 5), .init(name: "lo", priority: 0)]
        }
        #expect(
            all == [
                "pids.max = 64",
                "memory.limit_in_bytes = 1000", "memory.memsw.limit_in_bytes = 1500",
                "memory.soft_limit_in_bytes = 500", "memory.kmem.tcp.limit_in_bytes = 300",
                "memory.oom_control = 1", "memory.swappiness = 60",
                "blkio.weight = 100", "blkio.leaf_weight = 50", "blkio.weight_device = 8:0 500",
                "blkio.leaf_weight_device = 8:0 20",
                "blkio.throttle.read_bps_device = 8:0 1000",
                "blkio.throttle.write_bps_device = 8:16 18446744073709551615",
                "blkio.throttle.read_iops_device = 8:0 0", "blkio.throttle.write_iops_device = 8:0 7",
                "cpu.idle = 0", "cpu.shares = 1024", "cpu.cfs_burst_us = 1000",
                "cpu.cfs_period_us = 50000", "cpu.cfs_quota_us = 20000", "cpu.rt_period_us = 1000000",
                "cpu.rt_runtime_us = 5000", "cpuset.cpus = 0-1,3", "cpuset.mems = 0",
                "hugetlb.2MB.limit_in_bytes = 4194304", "hugetlb.2MB.rsvd.limit_in_bytes = 4194304",
                "rdma.max = mlx4_0 hca_handle=2",
                "net_cls.classid = 1048577", "net_prio.ifpriomap = eth0 5", "net_prio.ifpriomap = lo 0",
            ])
    }

    @Test(
        arguments: [
            // limit, swap, what is written
            (100, 0, ["memory.limit_in_bytes = 100"]),
            (-1, 0, ["memory.limit_in_bytes = -1", "memory.memsw.limit_in_bytes = -1"]),
            (100, 300, ["memory.limit_in_bytes = 100", "memory.memsw.limit_in_bytes = 300"]),
            (100, -1, ["memory.limit_in_bytes = 100", "memory.memsw.limit_in_bytes = -1"]),
            // The limit may have been set before.
            (0, 300, ["memory.memsw.limit_in_bytes = 300"]),
        ] as [(Int64, Int64, [String])])
    func memoryAndSwap(_ row: (Int64, Int64, [String])) throws {
        let written = try memory {
            $0.limit = row.0
            $0.swap = row.1
        }
        #expect(written == row.2)
    }

    @Test func whatDependsOnAnotherValueIsTriedTwice() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 100
        resources.memory?.swap = 300
        resources.cpu = .init()
        resources.cpu?.period = 1000
        resources.cpu?.quota = 500
        resources.cpu?.burst = 7
        resources.cpu?.realtimePeriod = 10
        resources.cpu?.realtimeRuntime = 5
        let twice = try Limits(resources, on: .legacyAlone).legacy.settings
            .filter { $0.refusal == .onceMoreAtTheEnd }.map(\.file)
        #expect(
            twice == [
                "memory.limit_in_bytes", "cpu.cfs_burst_us", "cpu.cfs_period_us", "cpu.rt_period_us",
            ])
        resources.memory?.swap = nil
        resources.cpu?.quota = nil
        resources.cpu?.burst = nil
        resources.cpu?.realtimeRuntime = nil
        let once = try Limits(resources, on: .legacyAlone).legacy.settings
        #expect(once.allSatisfy { $0.refusal == .final })
    }

    @Test func limitsThatAreNoneNeedNoFile() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.swap = -1
        resources.pids = .init()
        resources.pids?.limit = -1
        resources.cpu = .init()
        resources.cpu?.quota = -1
        resources.cpu?.idle = 0
        let settings = try Limits(resources, on: .legacyAlone).legacy.settings
        #expect(settings.count == 4 && settings.allSatisfy { $0.refusal == .redundantIfMissing })
    }

    @Test func weightsHaveTheFilesOfTheirScheduler() throws {
        var resources = Resources()
        resources.blockIO = .init()
        resources.blockIO?.weight = 300
        var device = Resources.WeightDevice(major: 8, minor: 0)
        device.weight = 200
        resources.blockIO?.weightDevice = [device]
        #expect(
            try Limits(resources, on: .legacyAlone).legacy.settings.map(\.refusal) == [
                .elsewhere(file: "blkio.bfq.weight", value: "300"),
                .elsewhere(file: "blkio.bfq.weight_device", value: "8:0 200"),
            ])
    }

    @Test func usageIsThatOfTheLimitsKind() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 100
        resources.memory?.swap = 300
        resources.memory?.checkBeforeUpdate = true
        let limits = try Limits(resources, on: .legacyAlone)
        #expect(limits.usageChecks == [])
        #expect(
            limits.legacy.usageChecks.map { "\($0.file) \($0.limit)" } == [
                "memory.usage_in_bytes 100", "memory.memsw.usage_in_bytes 300",
            ])
    }

    @Test func kernelMemoryIsAWarning() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.kernel = 1
        let limits = try Limits(resources, on: .legacyAlone)
        #expect(limits.isEmpty && limits.warnings.count == 1)
    }

    @Test func eachControllerIsCompiledForItsPlace() throws {
        let hybrid = CgroupHost(
            kind: .hybrid, unifiedMount: "/sys/fs/cgroup/unified",
            legacy: [LegacyHierarchy(controllers: ["memory"], mountPoint: "/sys/fs/cgroup/memory")])
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 100
        resources.hugepageLimits = [.init(pageSize: "2MB", limit: 1)]
        resources.unified = [.init(file: "cgroup.max.depth", value: "3")]
        let limits = try Limits(resources, on: hybrid)
        #expect(limits.legacy.settings.map(\.file) == ["memory.limit_in_bytes"])
        #expect(
            limits.settings.map(\.file) == ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "cgroup.max.depth"])
        #expect(limits.controllers == [.hugetlb])
    }

    @Test func refusals() {
        #expect(
            refusal {
                $0.memory = .init(); $0.memory?.swappiness = 101
            }?.contains("swappiness") == true)
        #expect(
            refusal {
                $0.cpu = .init()
                $0.cpu?.shares = 1
            } == "/linux/resources/cpu/shares: 1: the minimum allowed cpu-shares is 2")
        #expect(
            refusal {
                $0.cpu = .init()
                $0.cpu?.shares = 262_145
            } == "/linux/resources/cpu/shares: 262145: the maximum allowed cpu-shares is 262144")
        #expect(
            refusal { $0.unified = [.init(file: "memory.high", value: "1")] }
                == "/linux/resources/unified/memory.high: cannot use unified on cgroup v1")
        #expect(
            refusal {
                $0.memory = .init()
                $0.memory?.limit = 100
                $0.memory?.swap = 99
            }?.hasPrefix("/linux/resources/memory/swap: ") == true)
        #expect(
            refusal {
                $0.network = .init()
                $0.network?.priorities = [.init(name: "a b", priority: 1)]
            }?.hasPrefix("/linux/resources/network/priorities/0/name: ") == true)
        #expect(
            refusal {
                $0.cpu = .init()
                $0.cpu?.idle = 1
                $0.cpu?.shares = 5
            }?.hasPrefix("/linux/resources/cpu/idle: ") == true)
        #expect(
            refusal {
                $0.blockIO = .init()
                $0.blockIO?.weight = 1001
            }?.hasPrefix("/linux/resources/blockIO/weight: ") == true)
    }

    @Test func settingsOfAControllerStayTogether() throws {
        var legacy = LegacyLimits()
        func setting(_ controller: Controller, _ file: String) -> Setting {
            Setting(controller: controller, file: file, value: "1", origin: "/x")
        }
        legacy.settings = [setting(.cpu, "a"), setting(.cpu, "b"), setting(.cpuset, "c")]
        #expect(legacy.byController.map(\.0) == [.cpu, .cpuset])
        #expect(legacy.byController.map { $0.1.map(\.file) } == [["a", "b"], ["c"]])
    }
}
