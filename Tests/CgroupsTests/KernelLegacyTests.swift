import Diagnosis
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Kernel

private let detected = try? CgroupHost.detect()
private let hasHierarchies = getuid() == 0 && detected?.legacy.isEmpty == false

/// This host's own cgroup v1 hierarchies, below a cgroup of a test's own, as if there were no cgroup v2 tree.
@Suite(.serialized, .enabled(if: hasHierarchies, "needs root and cgroup v1 hierarchies"))
final class KernelLegacyTests {
    let host: CgroupHost
    let top = "/apus-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    private var sleepers: [Foundation.Process] = []

    init() throws {
        host = CgroupHost(kind: .legacy, unifiedMount: nil, legacy: try CgroupHost.detect().legacy)
    }

    deinit {
        for sleeper in sleepers where sleeper.isRunning { kill(sleeper.processIdentifier, SIGKILL) }
        for hierarchy in host.legacy {
            let freezer = hierarchy.mountPoint + top + "/c1/freezer.state"
            if FileTree.exists(freezer) { try? FileTree.write("THAWED", to: freezer) }
            try? Cgroup(path: hierarchy.mountPoint + top).remove()
        }
    }

    private func request(_ resources: Resources = Resources(), _ path: String = "/c1") throws -> CgroupRequest
    {
        CgroupRequest(cgroupsPath: top + path, id: "c1", limits: try Limits(resources, on: host))
    }

    private func make(_ resources: Resources = Resources()) throws -> ContainerCgroup {
        let request = try request(resources)
        let cgroup = try ContainerCgroup.planned(request, on: host)
        _ = try cgroup.create(request, on: host)
        #expect(try cgroup.apply(request, on: host) == [])
        return cgroup
    }

    private func sleeper(in cgroup: ContainerCgroup) throws -> Foundation.Process {
        let process = try startSleeper()
        sleepers.append(process)
        try cgroup.add(pid: process.processIdentifier)
        return process
    }

    private func read(_ cgroup: ContainerCgroup, _ controller: String, _ file: String) throws -> String {
        try FileTree.readText(try #require(cgroup.paths[controller]) + "/" + file)
    }

    private func has(_ controller: String) -> Bool {
        host.legacy.contains { $0.controllers.contains(controller) }
    }

    @Test func createAddKillRemove() throws {
        let cgroup = try make()
        #expect(cgroup.unified == nil)
        #expect(Set(cgroup.paths.keys) == Set(host.legacy.flatMap(\.controllers)))
        let sleeper = try sleeper(in: cgroup)
        #expect(try cgroup.pids() == [sleeper.processIdentifier])
        let own = try String(contentsOfFile: "/proc/\(sleeper.processIdentifier)/cgroup", encoding: .utf8)
        for hierarchy in host.legacy {
            #expect(CgroupPath.legacy(hierarchy, in: own) == top + "/c1", "\(hierarchy.controllers)")
        }
        #expect(ContainerCgroup(paths: cgroup.paths) == cgroup)
        try cgroup.kill()
        try cgroup.remove()
        sleeper.waitUntilExit()
        #expect(sleeper.terminationStatus == SIGKILL)
        #expect(cgroup.paths.values.allSatisfy { !FileTree.exists($0) })
        try cgroup.remove()
        try cgroup.kill()
        #expect(try cgroup.pids() == [] && !cgroup.isFrozen())
    }

    @Test func discardTakesExactlyWhatWasMade() throws {
        let first = try request()
        let made = try ContainerCgroup.planned(first, on: host).create(first, on: host)
        #expect(made.count == 2 * host.legacy.count)
        let second = try request(Resources(), "/c2")
        let others = try ContainerCgroup.planned(second, on: host)
        let madeOthers = try others.create(second, on: host)
        #expect(madeOthers.count == host.legacy.count)
        try others.discard(madeOthers)
        #expect(madeOthers.allSatisfy { !FileTree.exists($0) } && made.allSatisfy { FileTree.exists($0) })
    }

    @Test func occupiedOrFrozenCgroupsAreRefusedAndNothingIsLeft() throws {
        let cgroup = try make()
        let sleeper = try sleeper(in: cgroup)
        let occupied = #expect(throws: Failure.self) { try self.make() }
        #expect(occupied?.reason.contains("not empty") == true)
        #expect(occupied?.origin == .config("/linux/cgroupsPath"))
        guard let freezer = cgroup.legacy?.freezer else { return }
        try freezer.freeze()
        let request = try request(Resources(), "/c1/below")
        let frozen = #expect(throws: Failure.self) {
            try ContainerCgroup.planned(request, on: self.host).create(request, on: self.host)
        }
        #expect(frozen?.reason.contains("frozen") == true)
        #expect(cgroup.paths.values.allSatisfy { !FileTree.exists($0 + "/below") })
        try cgroup.kill()
        sleeper.waitUntilExit()
    }

    @Test func freezerStopsAndLetsGo() throws {
        let cgroup = try make()
        guard let freezer = cgroup.legacy?.freezer else { return }
        let sleeper = try sleeper(in: cgroup)
        #expect(try !cgroup.isFrozen())
        try freezer.freeze()
        #expect(try cgroup.isFrozen())
        try cgroup.thaw()
        #expect(try !cgroup.isFrozen())
        // A signal leaves frozen what was frozen; SIGKILL does its work.
        try freezer.freeze()
        try cgroup.signalAll(SIGTERM)
        #expect(try cgroup.isFrozen() && sleeper.isRunning)
        try cgroup.kill()
        sleeper.waitUntilExit()
        #expect([SIGTERM, SIGKILL].contains(sleeper.terminationStatus))
    }

    @Test func signalsEveryProcess() throws {
        let cgroup = try make()
        let pair = [try sleeper(in: cgroup), try sleeper(in: cgroup)]
        try cgroup.signalAll(SIGTERM)
        for sleeper in pair {
            sleeper.waitUntilExit()
            #expect(sleeper.terminationStatus == SIGTERM)
        }
        #expect(try !cgroup.isFrozen())
    }

    @Test func cpusetsAreFilledOnTheWay() throws {
        guard has("cpuset") else { return }
        let cgroup = try make()
        let root = try #require(host.legacy.first { $0.controllers.contains("cpuset") }).mountPoint
        for file in ["cpuset.cpus", "cpuset.mems"] {
            #expect(try read(cgroup, "cpuset", file) == FileTree.readText(root + "/" + file))
            #expect(try FileTree.readText(root + top + "/" + file) == FileTree.readText(root + "/" + file))
        }
    }

    @Test func memoryLimitsFollowUpAndDown() throws {
        guard has("memory") else { return }
        for (limit, swap) in [(64 << 20, 96 << 20), (256 << 20, 320 << 20), (32 << 20, 48 << 20), (-1, -1)]
            as [(Int64, Int64)]
        {
            var resources = Resources()
            resources.memory = .init()
            resources.memory?.limit = limit
            resources.memory?.swap = swap
            let request = try request(resources)
            let cgroup = try ContainerCgroup.planned(request, on: host)
            _ = try cgroup.create(request, on: host)
            #expect(try cgroup.apply(request, on: host) == [])
            let unlimited = "9223372036854771712"
            #expect(
                try read(cgroup, "memory", "memory.limit_in_bytes") == (limit == -1 ? unlimited : "\(limit)"))
            #expect(
                try read(cgroup, "memory", "memory.memsw.limit_in_bytes")
                    == (swap == -1 ? unlimited : "\(swap)"))
        }
    }

    @Test func bandwidthFollowsUpAndDown() throws {
        guard has("cpu") else { return }
        for (quota, period) in [(20_000, 50_000), (500_000, 1_000_000), (2_000, 4_000)] as [(Int64, UInt64)] {
            var resources = Resources()
            resources.cpu = .init()
            resources.cpu?.quota = quota
            resources.cpu?.period = period
            resources.cpu?.burst = UInt64(quota)
            let request = try request(resources)
            let cgroup = try ContainerCgroup.planned(request, on: host)
            _ = try cgroup.create(request, on: host)
            _ = try cgroup.apply(request, on: host)
            #expect(try read(cgroup, "cpu", "cpu.cfs_quota_us") == "\(quota)")
            #expect(try read(cgroup, "cpu", "cpu.cfs_period_us") == "\(period)")
            #expect(try read(cgroup, "cpu", "cpu.cfs_burst_us") == "\(quota)")
        }
    }

    @Test func devicesAreListed() throws {
        guard has("devices") else { return }
        var resources = Resources()
        var deny = Resources.DeviceRule(allow: false)
        deny.access = "rwm"
        var disk = Resources.DeviceRule(allow: true)
        disk.type = .b
        disk.major = 8
        disk.access = "r"
        resources.devices = [deny, disk]
        let cgroup = try make(resources)
        let list = try read(cgroup, "devices", "devices.list").split(separator: "\n")
        #expect(list.contains("b 8:* r") && list.contains("c 1:3 rwm") && !list.contains("a *:* rwm"))
        // Once more, with another rule: what is there is changed, and what stays is never taken away.
        resources.devices[1].access = "rw"
        let request = try request(resources)
        _ = try cgroup.apply(request, on: host)
        #expect(try read(cgroup, "devices", "devices.list").contains("b 8:* rw\n"))
    }

    @Test func limitOfAHierarchyThatIsNotMounted() throws {
        guard !has("net_cls") else { return }
        var resources = Resources()
        resources.network = .init()
        resources.network?.classID = 5
        let failure = #expect(throws: Failure.self) { try self.make(resources) }
        #expect(failure?.origin == .config("/linux/resources/network/classID"))
        #expect(failure?.reason.hasPrefix("controller \"net_cls\" not available: ") == true)
    }

    @Test func cgroupsBelowAreNamedForAllOrByController() throws {
        let cgroup = try make()
        #expect(try cgroup.below([]) == cgroup)
        for path in cgroup.paths.values { try FileTree.makeDirectory(path + "/sub", mode: 0o755) }
        #expect(try cgroup.below(["sub"]).paths == cgroup.paths.mapValues { $0 + "/sub" })
        #expect(try cgroup.below(["../sub"]).paths == cgroup.paths.mapValues { $0 + "/sub" })
        let some = try cgroup.below(["pids,freezer:sub", "memory:/sub"]).paths
        for (controller, path) in cgroup.paths {
            let isMoved = ["pids", "freezer", "memory"].contains(controller)
            #expect(some[controller] == (isMoved ? path + "/sub" : path))
        }
        for bad in [["nonsense:sub"], ["sub", "memory:sub"], ["missing"], ["pids:missing"]] {
            let failure = #expect(throws: Failure.self) { try cgroup.below(bad) }
            #expect(failure?.origin == .option("--cgroup"), "\(bad)")
        }
    }

    @Test func anUpdateIsAllOrNothing() throws {
        guard has("memory"), has("cpuset"), has("pids") else { return }
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 64 << 20
        resources.memory?.swap = 96 << 20
        let cgroup = try make(resources)
        func update(_ change: (inout Resources) -> Void) throws -> UpdatedCgroup {
            var resources = Resources()
            change(&resources)
            let limits = try Limits(resources, at: "", on: host)
            return try cgroup.update(CgroupUpdate(limits, replacesDevices: false), on: host)
        }
        func values() throws -> [String] {
            try [
                read(cgroup, "memory", "memory.limit_in_bytes"),
                read(cgroup, "memory", "memory.memsw.limit_in_bytes"),
                read(cgroup, "pids", "pids.max"),
            ]
        }
        let before = try values()
        for (limit, swap) in [(256 << 20, 512 << 20), (16 << 20, 32 << 20)] as [(Int64, Int64)] {
            let failure = #expect(throws: Failure.self) {
                try update {
                    $0.pids = .init()
                    $0.pids?.limit = 7
                    $0.memory = .init()
                    $0.memory?.limit = limit
                    $0.memory?.swap = swap
                    $0.cpu = .init()
                    $0.cpu?.cpus = "4000"
                }
            }
            #expect(failure?.origin == .config("/cpu/cpus"))
            #expect(try values() == before)
        }
        let done = try update {
            $0.pids = .init()
            $0.pids?.limit = 7
        }
        #expect(try values() == Array(before.dropLast()) + ["7"])
        #expect(done.undo() == [])
        #expect(try values() == before)
    }

    @Test func pausedByTheFreezerAlone() throws {
        guard has("freezer") else { return }
        let cgroup = try make()
        let sleeper = try sleeper(in: cgroup)
        try cgroup.freeze()
        #expect(try cgroup.isFrozen())
        try cgroup.thaw()
        #expect(try !cgroup.isFrozen() && sleeper.isRunning)
    }

    @Test func noneWasKilledForMemory() throws {
        #expect(try !make().hasKilledForMemory)
    }
}
