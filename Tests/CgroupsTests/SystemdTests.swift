import DBus
import Diagnosis
import OCISpec
import Testing

@testable import Cgroups

private func pointer(_ body: () throws(Failure) -> Void) -> String? {
    do throws(Failure) {
        try body()
        return nil
    } catch {
        guard case .config(let pointer) = error.origin else { return "no pointer: \(error)" }
        return pointer.description
    }
}

@Suite struct UnitNameTests {
    @Test(
        arguments: [
            (nil, "apus-c1.scope", "system.slice/apus-c1.scope"),
            ("", "apus-c1.scope", "system.slice/apus-c1.scope"),
            ("::x", "x.scope", "system.slice/x.scope"),
            (":p:x", "p-x.scope", "system.slice/p-x.scope"),
            ("a-b-c.slice:p:x", "p-x.scope", "a.slice/a-b.slice/a-b-c.slice/p-x.scope"),
            ("-.slice:p:x", "p-x.scope", "p-x.scope"),
            ("a.slice:ignored:a-b.slice", "a-b.slice", "a.slice/a-b.slice"),
            ("x.slice:ignored:a-b.slice", "a-b.slice", "a.slice/a-b.slice"),
            (
                "kubelet-kubepods.slice:cri-containerd:0123ab", "cri-containerd-0123ab.scope",
                "kubelet.slice/kubelet-kubepods.slice/cri-containerd-0123ab.scope"
            ),
            ("a.slice:p:x\\x2d1", "p-x\\x2d1.scope", "a.slice/p-x\\x2d1.scope"),
        ] as [(String?, String, String)]
    ) func valid(_ row: (path: String?, unit: String, directory: String)) throws {
        let name = try UnitName(cgroupsPath: row.path, id: "c1", isUser: false)
        #expect(name.unit == row.unit)
        #expect(try name.path.joined(separator: "/") == row.directory)
        #expect(name.isSlice == row.unit.hasSuffix(".slice"))
    }

    @Test func ofAUser() throws {
        #expect(try UnitName(cgroupsPath: nil, id: "c1", isUser: true).slice == "user.slice")
        #expect(try UnitName(cgroupsPath: "a.slice:b:c", id: "c1", isUser: true).slice == "a.slice")
    }

    @Test(
        arguments: [
            "/a", "a", "a:b", "a.slice:b:c:d", "a:b:c", ".slice:b:c", "slice:b:c", "a--b.slice:b:c",
            "-a.slice:b:c",
            "a-.slice:b:c", "a/b.slice:b:c", "../x.slice:b:c", "a.slice:b:", "a.slice:b/../..:c",
            "a.slice:b:../c",
            "a.slice:b:c d", "a.slice:b:ä", "a.slice:b:c\0", "a b.slice:b:c", "a.slice:b:-x.slice",
            "a.slice:b:.slice",
        ]
    ) func invalid(_ path: String) {
        #expect(
            pointer { () throws(Failure) in _ = try UnitName(cgroupsPath: path, id: "c1", isUser: false) }
                == "/linux/cgroupsPath")
    }

    @Test func tooLong() {
        let path = "a.slice:b:" + String(repeating: "x", count: 250)
        #expect(throws: Failure.self) { try UnitName(cgroupsPath: path, id: "c1", isUser: false) }
    }
}

private func properties(
    _ version: Int = .max, _ change: (inout Resources) -> Void
) throws(Failure) -> [UnitProperty] {
    var resources = Resources()
    change(&resources)
    return try Limits(resources).unitProperties(systemd: version)
}

private func unified(_ file: String, _ value: String) throws(Failure) -> [UnitProperty] {
    try properties { $0.unified = [.init(file: file, value: value)] }
}

@Suite struct UnitResourceTests {
    @Test func nothing() throws {
        #expect(try properties { _ in }.isEmpty)
    }

    @Test func memory() throws {
        let list = try properties {
            $0.memory = .init()
            $0.memory?.limit = 100
            $0.memory?.swap = 100
            $0.memory?.reservation = -1
        }
        #expect(
            list == [
                UnitProperty("MemorySwapMax", .uint64(0)), UnitProperty("MemoryMax", .uint64(100)),
                UnitProperty("MemoryLow", .uint64(.max)),
            ])
    }

    @Test(
        arguments: [
            // quota, period, microseconds a second, the quota that the kernel gets
            (20_000, 0, 200_000, "20000 100000"), (20_000, 50_000, 400_000, "20000 50000"),
            (12_345, 0, 130_000, "13000 100000"), (1, 1_000_000, 10_000, "10000 1000000"),
            (-1, 50_000, UInt64.max, "max 50000"), (0, 50_000, UInt64.max, "max 50000"),
            (333, 1000, 340_000, "340 1000"), (Int64.max, 1, UInt64.max, "9223372036854775807 1"),
            (100_001, 100_000, 1_010_000, "101000 100000"),
        ] as [(Int64, UInt64, UInt64, String)]
    ) func quota(_ row: (quota: Int64, period: UInt64, perSecond: UInt64, file: String)) throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.quota = row.quota
        resources.cpu?.period = row.period
        let limits = try Limits(resources)
        let perSecond = UnitProperty("CPUQuotaPerSecUSec", .uint64(row.perSecond))
        let period = UnitProperty("CPUQuotaPeriodUSec", .uint64(row.period == 0 ? 100_000 : row.period))
        #expect(try limits.unitProperties(systemd: 242) == [period, perSecond])
        #expect(try limits.unitProperties(systemd: 241) == [perSecond])
        #expect(limits.roundedForSystemd().settings.map(\.value) == [row.file])
    }

    @Test func weightAndIdle() throws {
        #expect(
            try properties {
                $0.cpu = .init()
                $0.cpu?.shares = 1024
            } == [UnitProperty("CPUWeight", .uint64(100))])
        func idle(_ version: Int) throws -> [UnitProperty] {
            try properties(version) {
                $0.cpu = .init()
                $0.cpu?.idle = 1
            }
        }
        #expect(try idle(252) == [UnitProperty("CPUWeight", .uint64(0))])
        #expect(try idle(251) == [])
        let both = try properties {
            $0.unified = [.init(file: "cpu.weight", value: "5"), .init(file: "cpu.idle", value: " 1\n")]
        }
        #expect(both == [UnitProperty("CPUWeight", .uint64(0))])
    }

    @Test(
        arguments: [
            ("0", [1]), ("0-3", [15]), ("8", [0, 1]), ("0,2-3,9", [13, 2]),
            ("63", [0, 0, 0, 0, 0, 0, 0, 128]),
            ("1,1", [2]), ("", nil), ("a", nil), ("3-1", nil), ("1-", nil), ("-1", nil), ("1-2-3", nil),
            ("0-4294967295", nil), ("99999999999999999999", nil), ("70000", nil),
        ] as [(String, [UInt8]?)]
    ) func bits(_ row: (list: String, bits: [UInt8]?)) throws {
        guard let bits = row.bits else {
            #expect(
                pointer { () throws(Failure) in _ = try unified("cpuset.cpus", row.list) }
                    == "/linux/resources/unified/cpuset.cpus")
            return
        }
        #expect(try unified("cpuset.cpus", row.list) == [UnitProperty("AllowedCPUs", .bytes(bits))])
        #expect(try unified("cpuset.mems", row.list) == [UnitProperty("AllowedMemoryNodes", .bytes(bits))])
        #expect(
            try properties(243) {
                $0.cpu = .init()
                $0.cpu?.cpus = row.list
            } == [])
    }

    @Test(
        arguments: [
            ("memory.high", "max", "MemoryHigh", UInt64.max), ("memory.min", " 5 ", "MemoryMin", 5),
            ("pids.max", "0", "TasksMax", 1), ("pids.max", "max", "TasksMax", .max),
            ("cpu.weight", "7", "CPUWeight", 7),
        ]
    ) func unifiedNumbers(_ row: (file: String, value: String, name: String, number: UInt64)) throws {
        #expect(try unified(row.file, row.value) == [UnitProperty(row.name, .uint64(row.number))])
    }

    @Test func unifiedIsTheLastWord() throws {
        let list = try properties {
            $0.pids = .init()
            $0.pids?.limit = 5
            $0.unified = [.init(file: "pids.max", value: "6")]
        }
        #expect(list == [UnitProperty("TasksMax", .uint64(6))])
    }

    @Test func whatSystemdDoesNotKnow() throws {
        #expect(try unified("io.weight", "default 10") == [])
        #expect(try unified("hugetlb.2MB.max", "1") == [])
    }

    @Test(
        arguments: [
            ("memory.max", "1G"), ("memory.max", ""), ("memory.max", "-1"), ("pids.max", "many"),
            ("cpu.max", ""),
            ("cpu.max", "1 2 3"), ("cpu.max", "x"), ("cpu.max", "5 0"), ("cpu.max", "5 max"),
        ]
    ) func unifiedFaults(_ row: (file: String, value: String)) {
        #expect(
            pointer { () throws(Failure) in _ = try unified(row.file, row.value) }
                == "/linux/resources/unified/\(row.file)")
    }

    @Test func outOfMemoryPolicy() throws {
        func policy(_ value: String, _ version: Int) throws -> [UnitProperty] {
            var resources = Resources()
            resources.unified = [.init(file: "memory.oom.group", value: value)]
            return try Limits(resources).unitCreationProperties(systemd: version)
        }
        #expect(try policy("1", 253) == [UnitProperty("OOMPolicy", .string("kill"))])
        #expect(try policy("0", 253) == [UnitProperty("OOMPolicy", .string("continue"))])
        #expect(try policy("1", 252) == [])
        #expect(try policy("2", 253) == [])
    }
}

@Suite struct UnitDeviceTests {
    private func rule(
        _ allow: Bool, _ access: String, _ type: Resources.DeviceRule.Kind? = nil,
        _ numbers: (Int64?, Int64?) = (nil, nil)
    ) -> Resources.DeviceRule {
        var rule = Resources.DeviceRule(allow: allow)
        rule.type = type
        rule.major = numbers.0
        rule.minor = numbers.1
        rule.access = access
        return rule
    }

    /// The policy, and the list without the default devices.
    private func told(_ rules: [Resources.DeviceRule], _ version: Int = 252) throws -> [String] {
        let filter = try DeviceFilter(rules, at: "/x", nodes: [])
        let defaults = [
            "char-* m", "block-* m", "/dev/char/1:3 rwm", "/dev/char/1:8 rwm", "/dev/char/1:7 rwm",
            "/dev/char/5:0 rwm", "/dev/char/1:5 rwm", "/dev/char/1:9 rwm", "char-136 rwm",
            "/dev/char/5:2 rwm",
            "/dev/char/10:200 rwm",
        ]
        var told: [String] = []
        for property in filter.unitProperties(systemd: version) {
            if case .string(let policy) = property.value { told.append(policy) }
            guard case .array(_, let entries) = property.value else { continue }
            for case .structure(let parts) in entries {
                told.append(parts.compactMap(\.text).joined(separator: " "))
            }
        }
        return told.filter { !defaults.contains($0) }
    }

    @Test func policies() throws {
        #expect(try told([]) == ["strict"])
        #expect(try told([rule(false, "rwm")]) == ["strict"])
        #expect(try told([rule(true, "rwm")]) == ["auto"])
        #expect(
            try told([
                rule(false, "rwm"), rule(true, "rw", .c, (10, 229)), rule(true, "r", .b, (8, nil)),
            ])
                == ["strict", "/dev/char/10:229 rw", "block-8 r"])
        // One list entry a device.
        #expect(
            try told([rule(true, "r", .c, (10, 229)), rule(true, "w", .c, (10, 229))])
                == ["strict", "/dev/char/10:229 rw"])
        #expect(
            try told([rule(true, "rw", .c, (10, 229)), rule(false, "w", .c, (10, 229))])
                == ["strict", "/dev/char/10:229 r"])
        #expect(try told([rule(true, "rw", .c, (10, 229)), rule(false, "rw", .c, (10, nil))]) == ["strict"])
        #expect(
            try told([rule(true, "rw", nil, (10, 229))])
                == ["strict", "/dev/block/10:229 rw", "/dev/char/10:229 rw"])
    }

    @Test func whatSystemdHasNoWordsFor() throws {
        #expect(try told([rule(true, "rw", .c, (10, nil)), rule(false, "w", .c, (10, 229))]) == ["auto"])
        #expect(try told([rule(true, "rwm"), rule(false, "w", .b, (8, 0))]) == ["auto"])
        #expect(try told([rule(true, "r", .c, (nil, 5))]) == ["auto"])
        // Before systemd 240 not even the default rule for terminals.
        #expect(try told([], 239) == ["auto"])
    }
}

@Suite struct UnitBaseTests {
    @Test(
        arguments: [
            ("/sys/fs/cgroup/a.slice/c.scope", "/"), ("/sys/fs/cgroup/a.slice/c.scope/x/y", "/x/y"),
            ("/sys/fs/cgroup/c.scope/c.scope", "/c.scope"), ("/elsewhere", "/"),
        ]
    ) func below(_ pair: (path: String, seen: String)) {
        let unit = SystemdUnit(name: "c.scope", isUser: false)
        #expect(unit.path(of: Cgroup(path: pair.path)) == pair.seen)
    }

    @Test func scope() throws {
        let name = try UnitName(cgroupsPath: "a.slice:b:c", id: "x", isUser: false)
        let list = [UnitProperty].base(name, pid: 7)
        #expect(list.contains(UnitProperty("Description", .string("libcontainer container c"))))
        #expect(list.contains(UnitProperty("Slice", .string("a.slice"))))
        #expect(list.contains(UnitProperty("Delegate", .boolean(true))))
        #expect(list.contains(UnitProperty("PIDs", .array(of: .uint32, [.uint32(7)]))))
        #expect(list.contains(UnitProperty("DefaultDependencies", .boolean(false))))
    }

    @Test func slice() throws {
        let name = try UnitName(cgroupsPath: "a.slice:b:a-c.slice", id: "x", isUser: false)
        let list = [UnitProperty].base(name, pid: 7)
        #expect(list.contains(UnitProperty("Wants", .strings(["a.slice"]))))
        #expect(!list.contains { ["PIDs", "Slice", "Delegate"].contains($0.name) })
    }
}
