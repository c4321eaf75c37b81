import Diagnosis
import Testing

@testable import Cgroups

/// Captured /proc/self/mountinfo texts.
enum Capture {
    static let unified = """
        24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
        27 24 0:25 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
        33 27 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 \
        rw,nsdelegate,memory_recursiveprot
        """

    static let hybrid = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
        34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset,clone_children
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
        """

    static let hybridNames = ["cpu,cpuacct", "cpuset", "memory", "blkio", "pids", "systemd"]

    static let legacy = """
        31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:4 master:2 - tmpfs tmpfs ro,mode=755
        35 31 0:32 / /cgroups/with\\040blank/memory rw,relatime shared:5 - cgroup cgroup rw,memory
        36 31 0:33 / /sys/fs/cgroup/net_cls,net_prio rw - cgroup cgroup rw,net_cls,net_prio
        """

    /// A container that shares its host's cgroup namespace.
    static let nested = """
        612 590 0:29 /system.slice/docker-ab.scope /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate
        """

    static let table = """
        #subsys_name\thierarchy\tnum_cgroups\tenabled
        cpuset\t4\t3\t1
        memory\t0\t40\t0
        pids\t0\t40\t1
        blkio\t0\t40\t1
        rdma\t7\t1\t1
        net_cls\t0\t1\t1
        """
}

@Suite struct HostTests {
    private func detect(_ mountinfo: String?, unified: Set<String> = []) throws(Failure) -> CgroupHost {
        try CgroupHost.detect(
            isUnified: { unified.contains($0) },
            mountinfo: { () throws(SystemError) in
                guard let mountinfo else { throw SystemError("open mountinfo", Errno(2)) }
                return mountinfo
            })
    }

    @Test func unifiedHostIsKnownWithoutReadingMounts() throws {
        #expect(
            try detect(nil, unified: ["/sys/fs/cgroup"])
                == CgroupHost(kind: .unified, unifiedMount: "/sys/fs/cgroup"))
    }

    @Test func otherLayoutsAreReadFromTheMounts() throws {
        #expect(try detect(Capture.unified).kind == .unified)
        #expect(try detect(Capture.hybrid).unifiedMount == "/sys/fs/cgroup/unified")
        #expect(try detect(Capture.hybrid).kind == .hybrid)
        #expect(try detect(Capture.hybrid).legacy.map(\.name) == Capture.hybridNames)
        #expect(try detect(Capture.legacy).kind == .legacy)
        #expect(try detect(Capture.legacy).unifiedMount == nil)
        #expect(
            try detect("24 1 8:1 / / rw - ext4 /dev/sda1 rw") == CgroupHost(kind: .none, unifiedMount: nil))
        #expect(try detect("") == CgroupHost(kind: .none, unifiedMount: nil))
    }

    @Test func unreadableMountsAreAFailure() {
        #expect(throws: Failure(doing: "open mountinfo", errno: Errno(2))) { try detect(nil) }
    }

    @Test func controllersAreWhereTheHostHasThem() throws {
        let hybrid = try detect(Capture.hybrid)
        #expect(hybrid.isLegacy(.memory) && hybrid.isLegacy(.io) && !hybrid.isLegacy(.hugetlb))
        let legacy = try detect(Capture.legacy)
        #expect(legacy.isLegacy(.memory) && legacy.isLegacy(.hugetlb))
        #expect(try !detect(Capture.unified).isLegacy(.memory))
    }

    @Test func hierarchiesAreListedOnceWithTheirRoots() {
        let twice = Capture.hybrid + "\n99 31 0:32 /x /elsewhere/memory rw - cgroup cgroup rw,memory"
        let hierarchies = CgroupMounts(mountinfo: twice).hierarchies
        #expect(hierarchies == CgroupMounts(mountinfo: Capture.hybrid).hierarchies)
        #expect(hierarchies[0].controllers == ["cpu", "cpuacct"] && hierarchies[0].root == "/")
        #expect(hierarchies[5].controllers == ["name=systemd"] && hierarchies[5].isNamed)
        // A hierarchy of somebody else's is none that containers are tracked in.
        let other = "40 31 0:37 / /sys/fs/cgroup/openrc rw - cgroup cgroup rw,release_agent=/x,name=openrc"
        #expect(CgroupMounts(mountinfo: other).hierarchies == [])
    }

    @Test func mountsSayWhereControllersAreBound() {
        let hybrid = CgroupMounts(mountinfo: Capture.hybrid)
        #expect(
            hybrid.legacy == [
                "cpu": "/sys/fs/cgroup/cpu,cpuacct", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
                "cpuset": "/sys/fs/cgroup/cpuset", "memory": "/sys/fs/cgroup/memory",
                "blkio": "/sys/fs/cgroup/blkio", "pids": "/sys/fs/cgroup/pids",
            ])
        #expect(CgroupMounts(mountinfo: Capture.legacy).legacy["memory"] == "/cgroups/with blank/memory")
        #expect(CgroupMounts(mountinfo: Capture.legacy).legacy["net_prio"] != nil)
        #expect(
            CgroupMounts(mountinfo: Capture.nested).unified
                == [.init(root: "/system.slice/docker-ab.scope", mountPoint: "/sys/fs/cgroup")])
    }

    @Test(arguments: [
        "1 2 0:1 / /x rw - cgroup2", "1 2 0:1 / /x rw -", "- cgroup2 a b", "", " ", "cgroup cgroup2 - - -",
    ])
    func brokenLinesAreSkipped(_ line: String) {
        #expect(CgroupMounts(mountinfo: line) == CgroupMounts(mountinfo: ""))
    }

    @Test(arguments: [
        (#"a\040b"#, "a b"), (#"a\134b"#, #"a\b"#), (#"a\04"#, #"a\04"#), (#"\999"#, #"\999"#), ("", ""),
        (#"tail\"#, #"tail\"#), (#"\040"#, " "),
    ])
    func octalEscapes(_ pair: (String, String)) {
        #expect(CgroupMounts.unescaped(Substring(pair.0).utf8) == pair.1)
    }
}

@Suite struct MissingControllerTests {
    private func cause(_ controller: Controller, _ mountinfo: String, mount: String? = "/m")
        -> MissingController.Cause
    {
        MissingController.cause(
            controller, mounts: CgroupMounts(mountinfo: mountinfo), table: Capture.table, mount: mount)
    }

    @Test func causes() {
        #expect(cause(.memory, Capture.hybrid) == .legacy(mountPoint: "/sys/fs/cgroup/memory"))
        #expect(cause(.io, Capture.hybrid) == .legacy(mountPoint: "/sys/fs/cgroup/blkio"))
        #expect(cause(.cpuset, Capture.unified) == .legacy(mountPoint: nil))
        #expect(cause(.memory, Capture.unified) == .disabledAtBoot)
        #expect(cause(.pids, Capture.unified) == .notDelegated(to: "/m"))
        #expect(cause(.io, Capture.unified) == .notDelegated(to: "/m"))
        #expect(cause(.hugetlb, Capture.unified) == .unknownToKernel)
        #expect(cause(.pids, "", mount: nil) == .notMounted)
        #expect(cause(Controller("net_cls"), Capture.hybrid) == .notMounted)
        #expect(cause(.rdma, Capture.hybrid) == .legacy(mountPoint: nil))
    }

    @Test func messagesSayWhereAndWhatToDo() {
        let setting = Setting(
            controller: .io, file: "io.max", value: "8:0 rbps=1",
            origin: "/linux/resources/blockIO/throttleReadBpsDevice/0")
        let bound = MissingController(.io, cause: .legacy(mountPoint: "/sys/fs/cgroup/blkio"))
        #expect(
            bound.failure(of: setting).description
                == """
                /linux/resources/blockIO/throttleReadBpsDevice/0: controller "io" not available: it is bound to \
                cgroup v1, at /sys/fs/cgroup/blkio; boot with systemd.unified_cgroup_hierarchy=1 or \
                cgroup_no_v1=blkio
                """)
        let busy = MissingController(.io, cause: .notEnabled(in: "/m/a", Errno(16))).failure(of: setting)
        #expect(busy.errno == Errno(16))
        #expect(busy.reason.contains("/m/a has processes of its own"))
        let unified = Setting(
            controller: .memory, file: "memory.min", value: "1", origin: "/linux/resources/unified/memory.min"
        )
        #expect(
            MissingController(.memory, cause: .unknownToKernel).failure(of: unified).reason
                == """
                unified resource "memory.min" can't be set: controller "memory" not available: this kernel does \
                not have it
                """)
    }
}

@Suite struct UnifiedTreeOptionsTests {
    @Test func areThoseOfTheFirstMount() {
        let unified = UnifiedTreeOptions(mountinfo: Capture.unified)
        #expect(unified?.mountPoint == "/sys/fs/cgroup")
        #expect(unified?.flags == ["nsdelegate", "memory_recursiveprot"])
        let hybrid = UnifiedTreeOptions(mountinfo: Capture.hybrid)
        #expect(hybrid?.mountPoint == "/sys/fs/cgroup/unified" && hybrid?.flags == [])
        #expect(UnifiedTreeOptions(mountinfo: "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw") == nil)
    }
}
