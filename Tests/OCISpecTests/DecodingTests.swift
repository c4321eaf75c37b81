import Diagnosis
import OCISpec
import Testing

/// Every field of the specification arrives where it belongs.
@Suite struct DecodingTests {
    private func config(_ name: String) throws -> Config {
        try Config.decode(try Fixtures.bytes("good/\(name).json"))
    }

    @Test func minimal() throws {
        var expected = Config(ociVersion: "1.3.0")
        expected.root = Root(path: "rootfs")
        var process = Process(cwd: "/")
        process.args = ["/bin/true"]
        expected.process = process
        #expect(try config("minimal") == expected)
    }

    @Test func nullAndEmptyAreAbsent() throws {
        var expected = try config("minimal")
        expected.linux = Linux()
        expected.annotations = ["a": ""]
        expected.process?.user.uid = 1
        expected.process?.user.gid = 2
        #expect(try config("null-is-absent") == expected)

        expected = try config("minimal")
        expected.linux = Linux()
        var resources = Resources()
        resources.devices = [Resources.DeviceRule(allow: true)]
        resources.cpu = Resources.CPU()
        expected.linux?.resources = resources
        expected.mounts = [Mount(destination: "/a")]
        #expect(try config("empty-is-absent") == expected)
    }

    @Test func unknownPropertiesAreSkipped() throws {
        #expect(try config("unknown-properties") == config("minimal"))
    }

    @Test func process() throws {
        let user = try #require(try config("process-user").process?.user)
        #expect(user.uid == .max)
        #expect(user.gid == 4_294_967_294)
        #expect(user.umask == 0o22)
        #expect(user.additionalGids == [5, 6, 4_294_967_294])
        #expect(try config("process-env").process?.env[3] == "UTF8=grüße 🐟")
        #expect(try config("process-env").process?.env[4] == "NEWLINE=a\nb")
        let terminal = try config("process-terminal").process
        #expect(terminal?.terminal == true)
        #expect(terminal?.consoleSize == ConsoleSize(height: 65535, width: 0))
        let sets = try #require(try config("process-capabilities").process?.capabilities)
        for set in [sets.bounding, sets.effective, sets.inheritable, sets.permitted, sets.ambient] {
            #expect(set == ["CAP_CHOWN", "CAP_NOT_YET_KNOWN"])
        }
        let limits = try #require(try config("process-rlimits").process?.rlimits)
        #expect(limits.map(\.type) == RLimit.Resource.allCases)
        #expect(limits.allSatisfy { $0.soft == 0 && $0.hard == .max })
        let labels = try #require(try config("process-labels").process)
        #expect(labels.apparmorProfile == "acme")
        #expect(labels.selinuxLabel == "system_u:system_r:container_t:s0:c1,c2")
        #expect(labels.noNewPrivileges)
        #expect(labels.oomScoreAdj == -1000)
        let deadline = try #require(try config("process-scheduler-deadline").process?.scheduler)
        #expect(deadline.policy == .SCHED_DEADLINE)
        #expect([deadline.runtime, deadline.deadline, deadline.period] == [1024, 2000, 2000])
        #expect(deadline.flags == [.SCHED_FLAG_RECLAIM, .SCHED_FLAG_DL_OVERRUN])
        #expect(try config("process-scheduler-fifo").process?.scheduler?.priority == 99)
        #expect(try config("process-scheduler-other").process?.scheduler?.nice == -20)
        #expect(
            try config("process-io-priority").process?.ioPriority
                == IOPriority(class: .IOPRIO_CLASS_IDLE, priority: 7))
        let affinity = try config("process-exec-affinity").process?.execCPUAffinity
        #expect(affinity?.initial == "7")
        #expect(affinity?.final == "0-3,7")
    }

    @Test func mounts() throws {
        let mounts = try config("mounts").mounts
        #expect(mounts.map(\.target) == ["/proc", "/data", "/a/c"])
        #expect(mounts[1].source == "/srv")
        #expect(mounts[1].options == ["rbind", "ro"])
        #expect(mounts.allSatisfy { !$0.isIDMapped })
        let mapped = try config("mounts-idmap-own").mounts[0]
        #expect(mapped.isIDMapped)
        #expect(mapped.uidMappings?[1] == IDMapping(containerID: 10, hostID: 5000, size: 4_294_962_295))
        #expect(mapped.uidMappings == mapped.gidMappings)
        #expect(try config("mounts-idmap-of-namespace").mounts[0].isIDMapped)
    }

    @Test func namespaces() throws {
        let config = try config("namespaces")
        let linux = try #require(config.linux)
        #expect(Set(linux.namespaces.map(\.type)) == Set(Namespace.Kind.allCases))
        #expect(linux.namespaces[0] == Namespace(type: .pid, path: "/proc/1/ns/pid"))
        #expect(linux.namespaces[1].path == nil)
        #expect(config.hostname == "h")
        #expect(config.domainname == "example.org")
        let offsets = try #require(try self.config("time-offsets").linux?.timeOffsets)
        #expect(offsets.map(\.clock) == [.monotonic, .boottime])
        #expect(offsets.map(\.secs) == [-172800, 604800])
        #expect(offsets.map(\.nanosecs) == [999_999_999, 0])
    }

    @Test func devices() throws {
        let devices = try #require(try config("devices").linux?.devices)
        #expect(devices.map(\.type) == [.c, .b, .u, .p])
        #expect(devices.map(\.major) == [10, 4095, 1, nil])
        #expect(devices.map(\.minor) == [229, 1_048_575, 3, nil])
        #expect(devices.map(\.permissions) == [0o666, 0o640, 0o666, 0o666])
        #expect(devices.map(\.uid) == [0, nil, nil, nil])
        let network = try #require(try config("net-devices").linux?.netDevices)
        #expect(network.map(\.hostName) == ["eth0", "eth1", "eth2", "eth3", "eth4"])
        #expect(network.map(\.name) == ["container_eth0", nil, nil, "port%d", "port%d"])
    }

    @Test func linux() throws {
        #expect(try config("rootfs-propagation").linux?.rootfsPropagation == .rslave)
        #expect(try config("paths").linux?.maskedPaths == ["/proc/kcore"])
        #expect(try config("paths").linux?.readonlyPaths == ["/proc/sys"])
        #expect(try config("personality").linux?.personality == Personality(domain: .LINUX32))
        let memory = try #require(try config("memory-policy").linux?.memoryPolicy)
        #expect(memory.mode == .MPOL_INTERLEAVE)
        #expect(memory.nodes == "2-3")
        #expect(memory.flags == [.MPOL_F_STATIC_NODES])
        let rdt = try #require(try config("intel-rdt").linux?.intelRdt)
        #expect(rdt.closID == "guaranteed_group")
        #expect(rdt.schemata == ["L3:0=7f0;1=1f", "MB:0=20;1=70"])
        #expect(rdt.l3CacheSchema == "L3:0=7f0;1=1f")
        #expect(rdt.memBwSchema == "MB:0=20;1=70")
        #expect(rdt.enableMonitoring)
        let sysctl = try #require(try config("sysctl").linux?.sysctl)
        #expect(sysctl[0] == Sysctl(name: "net.ipv4.ip_forward", value: "1"))
        #expect(
            sysctl.map(\.path) == [
                "net/ipv4/ip_forward", "net/ipv4/conf/eno2.100/rp_filter", "net/ipv4/conf/eno2.101/rp_filter",
                "kernel/msgmax", "kernel/sem", "fs/mqueue/msg_max", "kernel/domainname",
                "user/max_user_namespaces",
            ])
    }

    @Test func resources() throws {
        let resources = try #require(try config("resources").linux?.resources)
        #expect(resources.devices.map(\.allow) == [false, true, true, true])
        #expect(resources.devices.map(\.type) == [nil, .c, .b, .a])
        #expect(resources.devices.map(\.major) == [nil, 10, -1, nil])
        #expect(resources.devices.map(\.access) == ["rwm", "rw", "r", nil])
        let memory = try #require(resources.memory)
        #expect([memory.limit, memory.reservation, memory.swap] == [536_870_912, 536_870_912, 536_870_912])
        #expect([memory.kernel, memory.kernelTCP] == [-1, -1])
        #expect(memory.swappiness == 0)
        #expect(
            [memory.disableOOMKiller, memory.useHierarchy, memory.checkBeforeUpdate] == [false, true, true])
        let cpu = try #require(resources.cpu)
        #expect(
            [cpu.shares, cpu.burst, cpu.period, cpu.realtimePeriod] == [1024, 1_000_000, 500_000, 1_000_000])
        #expect([cpu.quota, cpu.realtimeRuntime, cpu.idle] == [1_000_000, 950_000, 1])
        #expect([cpu.cpus, cpu.mems] == ["2-3,5", "0-7"])
        #expect(resources.pids?.limit == -1)
        let block = try #require(resources.blockIO)
        #expect([block.weight, block.leafWeight] == [10, 1000])
        #expect(block.weightDevice.map(\.minor) == [0, 16])
        #expect(block.weightDevice.map(\.weight) == [500, 500])
        #expect(block.weightDevice.map(\.leafWeight) == [300, nil])
        #expect(block.throttleReadBpsDevice == [.init(major: 8, minor: 0, rate: 600)])
        #expect(block.throttleWriteBpsDevice == [.init(major: 8, minor: 0, rate: 601)])
        #expect(block.throttleReadIOPSDevice == [.init(major: 8, minor: 0, rate: 602)])
        #expect(block.throttleWriteIOPSDevice == [.init(major: 8, minor: 16, rate: .max)])
        #expect(resources.hugepageLimits[0] == .init(pageSize: "2MB", limit: 209_715_200))
        #expect(resources.network?.classID == 1_048_577)
        #expect(resources.network?.priorities == [.init(name: "eth0", priority: 500)])
        #expect(resources.rdma.map(\.device) == ["mlx5_1", "rxe3"])
        #expect(resources.rdma.map(\.hcaHandles) == [3, nil])
        #expect(resources.rdma.map(\.hcaObjects) == [10000, 10000])
        #expect(resources.unified.map(\.file) == ["io.max", "hugetlb.1GB.max"])
        #expect(resources.unified[1].value == "1073741824")
    }

    @Test func seccomp() throws {
        let profile = try #require(try config("seccomp").linux?.seccomp)
        #expect(profile.defaultAction == .SCMP_ACT_ERRNO)
        #expect(profile.defaultErrnoRet == 38)
        #expect(
            profile.architectures == [
                .SCMP_ARCH_X86_64, .SCMP_ARCH_X86, .SCMP_ARCH_X32, .SCMP_ARCH_LOONGARCH64,
            ])
        #expect(profile.flags?.count == 4)
        #expect(profile.syscalls.map(\.names) == [["getcwd", "not_a_call"], ["ptrace"], ["socket"]])
        #expect(profile.syscalls.map(\.errnoRet) == [nil, 65535, 4095])
        let arguments = profile.syscalls[2].args
        #expect(arguments.map(\.op) == SeccompProfile.Operator.allCases)
        #expect(arguments.map(\.index) == [0, 1, 2, 3, 4, 5, 0])
        #expect(arguments.allSatisfy { $0.value == .max })
        #expect(arguments.map(\.valueTwo) == [0, 1, 2, 3, 4, 5, 6])
        let notify = try #require(try config("seccomp-notify").linux?.seccomp)
        #expect(notify.flags == [])
        #expect(notify.listenerPath == "/run/agent.sock")
        #expect(notify.listenerMetadata == "MKNOD=/dev/null,/dev/net/tun")
    }

    @Test func largeProfile() throws {
        let config = try config("engine-podman")
        let profile = try #require(config.linux?.seccomp)
        #expect(profile.syscalls.reduce(0) { $0 + $1.names.count } == 400)
        #expect(profile.flags == nil)
        #expect(config.linux?.uidMappings == [])
        #expect(config.linux?.rootfsPropagation == nil)
        #expect(config.annotations.count == 7)
    }

    @Test func annotations() throws {
        let annotations = try config("annotations").annotations
        #expect(
            annotations == ["com.example.a": "1", "com.example.empty": "", "nul": "a\0b", "html": "<b>&"])
    }

    @Test func hooks() throws {
        let hooks = try #require(try config("hooks").hooks)
        for list in [
            hooks.prestart, hooks.createRuntime, hooks.createContainer, hooks.startContainer, hooks.poststart,
            hooks.poststop,
        ] {
            #expect(list.map(\.path) == ["/usr/bin/hook", "/bin/true", "/bin/false"])
            #expect(list.map(\.args) == [["hook", "a"], [], []])
            #expect(list.map(\.env) == [["A=b"], nil, []])
            #expect(list.map(\.timeout) == [5, nil, nil])
        }
        var writer = JSONWriter(indent: "  ")
        hooks.encode(to: &writer)
        #expect(try Hooks.decode(writer.bytes) == hooks)
        writer = JSONWriter()
        Hooks().encode(to: &writer)
        #expect(writer.text == "{}")
    }

    @Test func partsAsDocuments() throws {
        let process = try Process.decode(Array(#"{"cwd":"/","args":["sh"]}"#.utf8))
        try process.validate()
        #expect(process.args == ["sh"])
        let resources = try Resources.decode(Array(#"{"memory":{"limit":5,"swap":1}}"#.utf8))
        #expect(resources.memory?.limit == 5)
        #expect(pointer(failure { () throws(Failure) in try resources.validate() }) == "/memory/swap")
        #expect(
            pointer(failure { () throws(Failure) in try Process.decode(Array(#"{"cwd":1}"#.utf8)) }) == "/cwd"
        )
        let relative = failure { () throws(Failure) in
            try Process.decode(Array(#"{"cwd":"a","args":["sh"]}"#.utf8)).validate()
        }
        #expect(pointer(relative) == "/cwd")
        #expect(failure { () throws(Failure) in try Resources.decode(Array("{} x".utf8)) } != nil)
        #expect(failure { () throws(Failure) in try Hooks.decode(Array("[]".utf8)) } != nil)
    }

    @Test func tooLarge() {
        let bytes = [UInt8](repeating: 0x20, count: Config.maximumSize + 1)
        let message = failure { () throws(Failure) in try Config.decode(bytes) }?.description ?? ""
        #expect(message.contains("16777217") && message.contains("16777216"))
    }
}
