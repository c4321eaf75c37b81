import Diagnosis
import OCISpec
import Testing

@testable import Cgroups

/// "file = value", in the order of writing.
private func writes(_ resources: Resources) throws(Failure) -> [String] {
    try Limits(resources).settings.map { "\($0.file) = \($0.value)" }
}

private func resources(_ change: (inout Resources) -> Void) -> Resources {
    var resources = Resources()
    change(&resources)
    return resources
}

private func memory(_ change: (inout Resources.Memory) -> Void) -> Resources {
    var memory = Resources.Memory()
    change(&memory)
    return resources { $0.memory = memory }
}

private func cpu(_ change: (inout Resources.CPU) -> Void) -> Resources {
    var cpu = Resources.CPU()
    change(&cpu)
    return resources { $0.cpu = cpu }
}

private func blockIO(_ change: (inout Resources.BlockIO) -> Void) -> Resources {
    var blockIO = Resources.BlockIO()
    change(&blockIO)
    return resources { $0.blockIO = blockIO }
}

private func pointer(refusing resources: Resources) -> String? {
    do throws(Failure) {
        _ = try Limits(resources)
        return nil
    } catch {
        guard case .config(let pointer) = error.origin else { return "no pointer: \(error)" }
        return pointer.description
    }
}

@Suite struct ConversionTests {
    @Test(
        arguments: [
            (0, nil), (1, 1), (2, 1), (3, 2), (10, 4), (102, 17), (512, 59), (1024, 100), (2048, 174),
            (4096, 303),
            (65536, 3023), (262_143, 10_000), (262_144, 10_000), (262_145, 10_000), (UInt64.max, 10_000),
        ] as [(UInt64, UInt64?)])
    func sharesToWeight(_ pair: (UInt64, UInt64?)) {
        #expect(Resources.CPU.weight(shares: pair.0) == pair.1)
    }

    @Test func weightNeverFalls() {
        var last: UInt64 = 0
        for shares in UInt64(1)...262_200 {
            let weight = Resources.CPU.weight(shares: shares) ?? 0
            #expect(weight >= last && weight >= 1 && weight <= 10_000)
            last = weight
        }
    }

    @Test(
        arguments: [
            (-1, 0, "max 100000"), (0, 50_000, "max 50000"), (20_000, 0, "20000 100000"),
            (20_000, 50_000, "20000 50000"), (Int64.min, 5, "max 5"),
        ] as [(Int64, UInt64, String)])
    func quotaAndPeriod(_ row: (Int64, UInt64, String)) {
        #expect(Resources.CPU.maximum(quota: row.0, period: row.1) == row.2)
    }

    @Test(
        arguments: [
            // swap, limit, memory.swap.max
            (0, 0, nil), (0, 100, nil), (0, -1, "max"), (-1, 0, "max"), (-1, 100, "max"), (-1, -1, "max"),
            (300, 100, "200"), (100, 100, "0"), (300, -1, "300"), (Int64.max, 1, "9223372036854775806"),
        ] as [(Int64, Int64, String?)])
    func swapAlone(_ row: (Int64, Int64, String?)) throws {
        #expect(try Resources.Memory.swapMax(swap: row.0, limit: row.1, at: "/x") == row.2)
    }

    @Test(arguments: [(-1, "max"), (-7, "max"), (0, "1"), (1, "1"), (100, "100")] as [(Int64, String)])
    func pids(_ pair: (Int64, String)) {
        #expect(Resources.Pids.maximum(pair.0) == pair.1)
    }

    @Test(
        arguments: [(1, 1), (9, 1), (10, 1), (11, 11), (100, 910), (500, 4950), (1000, 10_000)]
            as [(UInt16, UInt64)])
    func blockWeight(_ pair: (UInt16, UInt64)) {
        #expect(Resources.BlockIO.costWeight(pair.0) == pair.1)
    }
}

@Suite struct LimitsTests {
    @Test func nothingAskedNothingWritten() throws {
        #expect(try Limits(Resources()).isEmpty)
        let zeros = resources {
            $0.memory = .init()
            $0.memory?.limit = 0
            $0.memory?.swap = 0
            $0.memory?.reservation = 0
            $0.memory?.kernel = 0
            $0.memory?.kernelTCP = -1
            $0.memory?.disableOOMKiller = false
            $0.memory?.useHierarchy = true
            $0.cpu = .init()
            $0.cpu?.shares = 0
            $0.cpu?.quota = 0
            $0.cpu?.period = 0
            $0.cpu?.cpus = ""
            $0.cpu?.realtimePeriod = 0
            $0.cpu?.realtimeRuntime = 0
            $0.pids = .init()
            $0.blockIO = .init()
            $0.blockIO?.weight = 0
            $0.blockIO?.leafWeight = 0
            $0.network = .init()
            $0.network?.classID = 0
            $0.rdma = [.init(device: "mlx4_0")]
        }
        let limits = try Limits(zeros)
        #expect(limits.settings == [] && limits.warnings == [] && limits.usageChecks == [])
    }

    @Test func everythingInOrder() throws {
        let all = resources {
            $0.unified = [
                .init(file: "memory.high", value: "900"), .init(file: "cgroup.max.depth", value: "3"),
            ]
            $0.rdma = [.init(device: "mlx4_0")]
            $0.rdma[0].hcaHandles = 2
            $0.rdma[0].hcaObjects = 2000
            $0.hugepageLimits = [.init(pageSize: "2MB", limit: 4_194_304)]
            $0.blockIO = .init()
            $0.blockIO?.weight = 100
            var weight = Resources.WeightDevice(major: 8, minor: 0)
            weight.weight = 500
            $0.blockIO?.weightDevice = [weight]
            $0.blockIO?.throttleReadBpsDevice = [.init(major: 8, minor: 0, rate: 1000)]
            $0.blockIO?.throttleWriteBpsDevice = [.init(major: 8, minor: 16, rate: .max)]
            $0.blockIO?.throttleReadIOPSDevice = [.init(major: 8, minor: 0, rate: 0)]
            $0.blockIO?.throttleWriteIOPSDevice = [.init(major: 8, minor: 0, rate: 7)]
            $0.pids = .init()
            $0.pids?.limit = 64
            $0.memory = .init()
            $0.memory?.limit = 1000
            $0.memory?.swap = 1500
            $0.memory?.reservation = 500
            $0.cpu = .init()
            $0.cpu?.shares = 1024
            $0.cpu?.quota = 20_000
            $0.cpu?.period = 50_000
            $0.cpu?.burst = 1000
            $0.cpu?.idle = 0
            $0.cpu?.cpus = "0-1,3"
            $0.cpu?.mems = "0"
        }
        #expect(
            try writes(all) == [
                "pids.max = 64",
                "memory.swap.max = 500", "memory.max = 1000", "memory.low = 500",
                "io.bfq.weight = 100", "io.bfq.weight = 8:0 500",
                "io.max = 8:0 rbps=1000", "io.max = 8:16 wbps=18446744073709551615",
                "io.max = 8:0 riops=max", "io.max = 8:0 wiops=7",
                "cpu.idle = 0", "cpu.weight = 100", "cpu.max.burst = 1000", "cpu.max = 20000 50000",
                "cpuset.cpus = 0-1,3", "cpuset.mems = 0",
                "hugetlb.2MB.max = 4194304", "hugetlb.2MB.rsvd.max = 4194304",
                "rdma.max = mlx4_0 hca_handle=2 hca_object=2000",
                "memory.high = 900", "cgroup.max.depth = 3",
            ])
        let limits = try Limits(all)
        #expect(
            limits.controllers == [.pids, .memory, .io, .cpu, .cpuset, .hugetlb, .rdma])
        #expect(
            limits.settings[5].refusal == .elsewhere(file: "io.weight", value: "8:0 4950"))
        #expect(
            limits.settings.map(\.origin.description)[4...7] == [
                "/linux/resources/blockIO/weight", "/linux/resources/blockIO/weightDevice/0/weight",
                "/linux/resources/blockIO/throttleReadBpsDevice/0",
                "/linux/resources/blockIO/throttleWriteBpsDevice/0",
            ])
        #expect(limits.settings[12].refusal == .onceMoreAtTheEnd)
    }

    @Test func swapThatCostsNothingMayLackItsFile() throws {
        for (swap, limit) in [(Int64(100), Int64(100)), (-1, 100), (0, -1)] {
            let limits = try Limits(
                memory {
                    $0.swap = swap
                    $0.limit = limit
                })
            #expect(limits.settings[0].file == "memory.swap.max")
            #expect(limits.settings[0].refusal == .redundantIfMissing)
        }
        let real = try Limits(
            memory {
                $0.swap = 200
                $0.limit = 100
            })
        #expect(real.settings[0].refusal == .final)
    }

    @Test func usageIsCheckedOnlyWhenAsked() throws {
        let asked = try Limits(
            memory {
                $0.limit = 100
                $0.swap = 300
                $0.checkBeforeUpdate = true
            })
        #expect(asked.usageChecks.map(\.limit) == [300, 100])
        let unlimited = try Limits(
            memory {
                $0.limit = -1
                $0.checkBeforeUpdate = true
            })
        #expect(unlimited.usageChecks == [])
    }

    @Test func kernelMemoryIsAWarning() throws {
        let limits = try Limits(
            memory {
                $0.kernel = 1
                $0.kernelTCP = 2
            })
        #expect(limits.isEmpty)
        #expect(limits.warnings.count == 2)
        #expect(limits.warnings[0].hasPrefix("/linux/resources/memory/kernel: "))
        #expect(limits.warnings[1].hasPrefix("/linux/resources/memory/kernelTCP: "))
    }

    private static let refused: [(String, Resources)] = [
        ("memory/limit", memory { $0.limit = -2 }),
        ("memory/swap", memory { $0.swap = -2 }),
        ("memory/reservation", memory { $0.reservation = .min }),
        ("memory/swap", memory { $0.swap = 100 }),
        (
            "memory/swap",
            memory {
                $0.swap = 100
                $0.limit = 101
            }
        ),
        ("memory/swappiness", memory { $0.swappiness = 0 }),
        ("memory/swappiness", memory { $0.swappiness = 60 }),
        ("memory/disableOOMKiller", memory { $0.disableOOMKiller = true }),
        ("cpu/realtimeRuntime", cpu { $0.realtimeRuntime = 950_000 }),
        ("cpu/realtimePeriod", cpu { $0.realtimePeriod = 1_000_000 }),
        ("cpu/idle", cpu { $0.idle = 2 }),
        (
            "cpu/idle",
            cpu {
                $0.idle = 1
                $0.shares = 5
            }
        ),
        ("cpu/cpus", cpu { $0.cpus = "0 1" }),
        ("cpu/mems", cpu { $0.mems = "all" }),
        ("blockIO/leafWeight", blockIO { $0.leafWeight = 10 }),
        ("blockIO/weight", blockIO { $0.weight = 1001 }),
        (
            "blockIO/weightDevice/0/leafWeight",
            blockIO {
                var device = Resources.WeightDevice(major: 8, minor: 0)
                device.leafWeight = 10
                $0.weightDevice = [device]
            }
        ),
        ("blockIO/weightDevice/0/major", blockIO { $0.weightDevice = [.init(major: -1, minor: 0)] }),
        (
            "blockIO/throttleWriteIOPSDevice/1/minor",
            blockIO {
                $0.throttleWriteIOPSDevice = [
                    .init(major: 8, minor: 0, rate: 1), .init(major: 8, minor: 1 << 32, rate: 1),
                ]
            }
        ),
        (
            "hugepageLimits/0/pageSize",
            resources { $0.hugepageLimits = [.init(pageSize: "../2MB", limit: 1)] }
        ),
        ("hugepageLimits/0/pageSize", resources { $0.hugepageLimits = [.init(pageSize: "MB", limit: 1)] }),
        ("rdma/a b", resources { $0.rdma = [.init(device: "a b")] }),
        (
            "network/classID",
            resources {
                $0.network = .init()
                $0.network?.classID = 1
            }
        ),
        (
            "network/priorities",
            resources {
                $0.network = .init()
                $0.network?.priorities = [.init(name: "eth0", priority: 0)]
            }
        ),
        ("unified/a~1b.c", resources { $0.unified = [.init(file: "a/b.c", value: "1")] }),
        ("unified/memory", resources { $0.unified = [.init(file: "memory", value: "1")] }),
        ("unified/..", resources { $0.unified = [.init(file: "..", value: "1")] }),
        ("unified/.max", resources { $0.unified = [.init(file: ".max", value: "1")] }),
        ("unified/memory.", resources { $0.unified = [.init(file: "memory.", value: "1")] }),
    ]

    @Test(arguments: refused.indices)
    func refusals(_ index: Int) {
        let (field, resources) = Self.refused[index]
        #expect(pointer(refusing: resources) == "/linux/resources/" + field)
    }
}
