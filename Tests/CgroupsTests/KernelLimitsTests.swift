import Diagnosis
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Kernel

/// Limits, as the kernel takes them and gives them back.
@Suite(.serialized, .enabled(if: hasTree, "needs root and a cgroup v2 tree"))
final class KernelLimitsTests: KernelTree {
    @Test(
        .enabled(
            if: offered.contains("hugetlb"),
            "the cgroup v2 tree here lacks the controller hugetlb"))
    func hugetlbLimitsAreReadBack() throws {
        var resources = Resources()
        resources.hugepageLimits = [.init(pageSize: "2MB", limit: 4_194_304)]
        resources.unified = [.init(file: "cgroup.max.depth", value: "3")]
        let cgroup = try create("/c1", resources).cgroup
        #expect(try cgroup.apply(Limits(resources), on: host) == [])
        #expect(try FileTree.readText(cgroup.path + "/hugetlb.2MB.max") == "4194304")
        #expect(try FileTree.readText(cgroup.path + "/hugetlb.2MB.rsvd.max") == "4194304")
        #expect(try FileTree.readText(cgroup.path + "/cgroup.max.depth") == "3")

        resources.hugepageLimits = [.init(pageSize: "3MB", limit: 1)]
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.reason.contains("no huge pages of 3MB") == true)
        #expect(failure?.origin == .config("/linux/resources/hugepageLimits/0/limit"))
    }

    /// Sets the limits on the cgroup and gives the files' new contents.
    private func readBack(_ cgroup: Cgroup, _ files: [String], _ resources: Resources) throws -> [String] {
        #expect(try cgroup.apply(Limits(resources), on: host) == [])
        return try files.map { try FileTree.readText(cgroup.path + "/" + $0) }
    }

    @Test(
        .enabled(
            if: offered.contains("memory"),
            "the cgroup v2 tree here lacks the controller memory"))
    func memoryLimitsAreReadBack() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 256 << 20
        resources.memory?.swap = 320 << 20
        resources.memory?.reservation = 64 << 20
        resources.unified = [.init(file: "memory.high", value: "\(200 << 20)")]
        let cgroup = try create("/a/c1", resources).cgroup
        let files = ["memory.max", "memory.swap.max", "memory.low", "memory.high"]
        #expect(
            try readBack(cgroup, files, resources)
                == [256 << 20, 64 << 20, 64 << 20, 200 << 20].map { (bytes: Int) in String(bytes) })
        resources.memory?.limit = -1
        resources.memory?.swap = nil
        #expect(
            try readBack(cgroup, files, resources) == ["max", "max", "\(64 << 20)", "\(200 << 20)"])

        // What a process has used before it is moved here is not counted here: it has to go on using some.
        let worker = Foundation.Process()
        worker.executableURL = URL(fileURLWithPath: "/bin/sh")
        worker.arguments = ["-c", "while :; do /bin/true; done"]
        try worker.run()
        try cgroup.add(pid: worker.processIdentifier)
        let end = Date(timeIntervalSinceNow: 60)
        while try (Int(FileTree.readText(cgroup.path + "/memory.current")) ?? 0) <= 4096, Date() < end {
            usleep(1000)
        }
        resources.memory?.limit = 4096
        resources.memory?.checkBeforeUpdate = true
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.origin == .config("/linux/resources/memory/limit"))
        #expect(try FileTree.readText(cgroup.path + "/memory.max") == "max")
        try cgroup.kill()
        worker.waitUntilExit()
    }

    @Test(
        .enabled(
            if: offered.contains("cpu"),
            "the cgroup v2 tree here lacks the controller cpu"))
    func cpuLimitsAreReadBack() throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.shares = 512
        resources.cpu?.quota = 20_000
        resources.cpu?.period = 50_000
        let cgroup = try create("/c1", resources).cgroup
        #expect(try readBack(cgroup, ["cpu.weight", "cpu.max"], resources) == ["59", "20000 50000"])
        resources.cpu?.shares = 1024
        resources.cpu?.quota = -1
        resources.cpu?.period = nil
        #expect(try readBack(cgroup, ["cpu.weight", "cpu.max"], resources) == ["100", "max 100000"])
    }

    @Test(
        .enabled(
            if: offered.contains("cpu"),
            "the cgroup v2 tree here lacks the controller cpu"))
    func burstFollowsTheQuotaUpAndDown() throws {
        var resources = Resources()
        let cgroup = try create("/c1", resources).cgroup
        guard FileTree.exists(cgroup.path + "/cpu.max.burst") else { return }
        for (quota, burst) in [(20_000, 20_000), (60_000, 60_000), (10_000, 5_000)] as [(Int64, UInt64)] {
            resources.cpu = .init()
            resources.cpu?.quota = quota
            resources.cpu?.burst = burst
            #expect(
                try readBack(cgroup, ["cpu.max", "cpu.max.burst"], resources)
                    == ["\(quota) 100000", "\(burst)"])
        }
        resources.cpu?.burst = 1 << 62
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.errno == Errno(EINVAL))
        #expect(failure?.origin == .config("/linux/resources/cpu/burst"))
    }

    @Test(
        .enabled(
            if: offered.contains("cpu"),
            "the cgroup v2 tree here lacks the controller cpu"))
    func idleIsReadBack() throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.idle = 1
        let cgroup = try create("/c1", resources).cgroup
        guard FileTree.exists(cgroup.path + "/cpu.idle") else { return }
        #expect(try readBack(cgroup, ["cpu.idle"], resources) == ["1"])
        resources.cpu?.idle = 0
        resources.cpu?.shares = 2048
        #expect(try readBack(cgroup, ["cpu.idle", "cpu.weight"], resources) == ["0", "174"])
    }

    @Test(
        .enabled(
            if: offered.contains("cpuset") && offered.contains("pids"),
            "the cgroup v2 tree here lacks the controller cpuset or pids"))
    func cpusetAndPidsAreReadBack() throws {
        var resources = Resources()
        resources.cpu = .init()
        resources.cpu?.cpus = "0"
        resources.cpu?.mems = "0"
        resources.pids = .init()
        resources.pids?.limit = 64
        let cgroup = try create("/c1", resources).cgroup
        let files = ["cpuset.cpus", "cpuset.mems", "pids.max"]
        #expect(try readBack(cgroup, files, resources) == ["0", "0", "64"])
        resources.pids?.limit = -1
        #expect(try readBack(cgroup, files, resources) == ["0", "0", "max"])
        resources.pids?.limit = 0
        #expect(try readBack(cgroup, files, resources) == ["0", "0", "1"])
        resources.cpu?.cpus = "4000"
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.origin == .config("/linux/resources/cpu/cpus"))
    }

    /// A whole disk, as MAJOR:MINOR.
    private static let disk: String? = (try? FileTree.list("/sys/block"))?
        .filter { !["loop", "ram", "zram", "nbd"].contains($0.prefix { !$0.isNumber }) }
        .sorted().lazy.compactMap { try? FileTree.readText("/sys/block/\($0)/dev") }.first

    @Test(
        .enabled(
            if: offered.contains("io") && disk != nil,
            "the cgroup v2 tree here lacks the controller io, or there is no disk"))
    func blockLimitsAreReadBack() throws {
        let disk = try #require(Self.disk)
        let numbers = disk.split(separator: ":").compactMap { Int64($0) }
        let (major, minor) = (numbers[0], numbers[1])
        var resources = Resources()
        resources.blockIO = .init()
        resources.blockIO?.throttleReadBpsDevice = [.init(major: major, minor: minor, rate: 1 << 20)]
        resources.blockIO?.throttleWriteBpsDevice = [.init(major: major, minor: minor, rate: 1 << 21)]
        resources.blockIO?.throttleReadIOPSDevice = [.init(major: major, minor: minor, rate: 100)]
        resources.blockIO?.throttleWriteIOPSDevice = [.init(major: major, minor: minor, rate: 200)]
        let cgroup = try create("/c1", resources).cgroup
        #expect(
            try readBack(cgroup, ["io.max"], resources)
                == ["\(disk) rbps=1048576 wbps=2097152 riops=100 wiops=200"])
        resources.blockIO?.throttleWriteBpsDevice = [.init(major: major, minor: minor, rate: 0)]
        #expect(
            try readBack(cgroup, ["io.max"], resources) == [
                "\(disk) rbps=1048576 wbps=max riops=100 wiops=200"
            ])

        resources.blockIO = .init()
        resources.blockIO?.weight = 500
        let bfq = FileTree.exists(cgroup.path + "/io.bfq.weight")
        if bfq || FileTree.exists(cgroup.path + "/io.weight") {
            #expect(
                try readBack(cgroup, [bfq ? "io.bfq.weight" : "io.weight"], resources)
                    == [bfq ? "default 500" : "default 4950"])
        } else {
            let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
            #expect(failure?.origin == .config("/linux/resources/blockIO/weight"))
            #expect(failure?.reason.contains("neither the BFQ scheduler") == true)
        }

        resources.blockIO = .init()
        resources.blockIO?.throttleReadBpsDevice = [.init(major: 4000, minor: 1, rate: 1)]
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.errno == Errno(ENODEV))
        #expect(failure?.origin == .config("/linux/resources/blockIO/throttleReadBpsDevice/0"))
    }

    @Test(
        .enabled(
            if: !offered.contains("memory"),
            "the cgroup v2 tree has the memory controller"))
    func limitWhoseControllerIsElsewhere() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 1 << 30
        let cgroup = try create("/c1", resources).cgroup
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.origin == .config("/linux/resources/memory/limit"))
        #expect(failure?.reason.hasPrefix("controller \"memory\" not available: ") == true)
        if let bound = CgroupMounts(mountinfo: try HostFile.mountinfo.text()).legacy["memory"] {
            #expect(failure?.reason.hasSuffix(bound) == true)
        }
    }

    @Test func controllerKeptAwayByProcesses() throws {
        let offered = ControllerList.available(in: mount)
        guard let domain = offered.first(where: { !Controller(String($0)).isThreaded }) else { return }
        let parent = try create("/busy").cgroup
        let sleeper = try sleeper(in: parent)
        let child = try create("/busy/c1").cgroup
        let setting = Setting(
            controller: Controller(String(domain)), file: "\(domain).no-such-file", value: "1", origin: "/x")
        let failure = #expect(throws: Failure.self) { try child.write([setting], on: host) }
        #expect(failure?.errno == Errno(EBUSY))
        #expect(failure?.reason.contains("\(parent.path) has processes of its own") == true)
        try parent.kill()
        sleeper.waitUntilExit()
    }
}
