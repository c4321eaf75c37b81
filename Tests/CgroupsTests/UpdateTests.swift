import Diagnosis
import OCISpec
import Testing

@testable import Cgroups

@Suite struct UpdateTests {
    @Test(arguments: [
        ("memory.max", "max", "5", ["max"]),
        ("cpu.max", "max 100000", "5000 10000", ["max 100000"]),
        ("cpuset.cpus", "", "0-1", [""]),
        (
            "io.max", "8:0 rbps=max wbps=7 riops=max wiops=max", "8:0 wbps=9",
            ["8:0 rbps=max wbps=7 riops=max wiops=max"]
        ),
        ("io.max", "8:16 rbps=1", "8:0 wbps=9", ["8:0 rbps=max wbps=max riops=max wiops=max"]),
        ("io.weight", "default 100\n8:0 50", "200", ["default 100"]),
        ("io.weight", "default 100\n8:0 50", "8:0 200", ["8:0 50"]),
        ("io.weight", "default 100", "8:0 200", ["8:0 default"]),
        ("io.bfq.weight", "100", "200", ["100"]),
        (
            "rdma.max", "mlx hca_handle=2 hca_object=max", "mlx hca_handle=3",
            ["mlx hca_handle=2 hca_object=max"]
        ),
        (
            "rdma.max", "", "mlx hca_handle=3\nother hca_object=1",
            ["mlx hca_handle=max hca_object=max", "other hca_handle=max hca_object=max"]
        ),
        ("memory.custom", "a 1\nb 2", "a 3", ["a 1", "b 2"]),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3", "1", ["0"]),
        ("blkio.throttle.read_bps_device", "8:0 100\n8:16 5", "8:0 7", ["8:0 100"]),
        ("blkio.throttle.read_bps_device", "8:16 5", "8:0 7", ["8:0 0"]),
        ("net_prio.ifpriomap", "lo 3\neth0 0", "lo 5", ["lo 3"]),
    ])
    func formerValues(_ file: String, _ text: String, _ value: String, _ lines: [String]) {
        #expect(FormerValue.lines(restoring: text, of: file, replacedBy: value) == lines)
    }

    private func update(_ change: (inout Resources) -> Void) throws -> CgroupUpdate {
        var resources = Resources()
        change(&resources)
        return CgroupUpdate(try Limits(resources, at: ""), replacesDevices: false)
    }

    @Test func allIsSet() throws {
        let fake = try FakeCgroup(["memory.max": "max\n", "pids.max": "max\n", "cpu.max": "max 100000\n"])
        let done = try ContainerCgroup(paths: ["": fake.cgroup.path]).update(
            try update {
                $0.memory = .init()
                $0.memory?.limit = 500
                $0.pids = .init()
                $0.pids?.limit = 7
            }, on: fake.host)
        #expect(fake["memory.max"] == "500\n" || fake["memory.max"] == "500")
        #expect(fake["pids.max"]?.hasPrefix("7") == true)
        #expect(done.undo() == [])
        #expect(fake["memory.max"]?.hasPrefix("max") == true && fake["pids.max"]?.hasPrefix("max") == true)
    }

    @Test func noneIsSetIfOneCannotBe() throws {
        let fake = try FakeCgroup(
            ["memory.max": "1000\n", "pids.max": "44\n"],
            mount: ["cgroup.controllers": "pids memory", "cgroup.subtree_control": "pids memory"])
        let failure = #expect(throws: Failure.self) {
            try ContainerCgroup(paths: ["": fake.cgroup.path]).update(
                try update {
                    $0.memory = .init()
                    $0.memory?.limit = 5000
                    $0.pids = .init()
                    $0.pids?.limit = 77
                    $0.cpu = .init()
                    $0.cpu?.shares = 1024
                }, on: fake.host)
        }
        #expect(failure?.origin == .config("/cpu/shares"))
        #expect(fake["memory.max"]?.hasPrefix("1000") == true)
        #expect(fake["pids.max"]?.hasPrefix("44") == true)
    }

    @Test func usageIsCheckedBefore() throws {
        let fake = try FakeCgroup(["memory.max": "max\n", "memory.current": "500\n", "pids.max": "44\n"])
        let failure = #expect(throws: Failure.self) {
            try fake.cgroup.update(
                try update {
                    $0.memory = .init()
                    $0.memory?.limit = 400
                    $0.memory?.checkBeforeUpdate = true
                    $0.pids = .init()
                    $0.pids?.limit = 1
                }, on: fake.host)
        }
        #expect(failure?.origin == .config("/memory/limit"))
        #expect(fake["pids.max"] == "44\n")
    }

    @Test func withoutACgroup() throws {
        let none = ContainerCgroup(paths: [:])
        let host = CgroupHost(kind: .none, unifiedMount: nil)
        #expect(try none.update(try update { _ in }, on: host).undo() == [])
        #expect(throws: Failure.self) {
            try none.update(
                try update {
                    $0.pids = .init()
                    $0.pids?.limit = 1
                }, on: host)
        }
        #expect(throws: Failure.self) { try none.freeze() }
        try none.thaw()
    }
}
