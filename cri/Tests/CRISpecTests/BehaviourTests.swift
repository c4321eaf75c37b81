import CRIProto
import OCISpec
import Testing

@testable import CRISpec

/// What the interface's fields come to, one by one.
@Suite struct BehaviourTests {
    typealias Sample = ContainerSpecification

    func compile(_ change: (inout Sample) -> Void) throws -> CompiledContainer {
        try Sample.sample(change).compile()
    }

    // MARK: process

    @Test func argumentsAreThoseOfKubernetes() throws {
        func arguments(_ command: [String], _ args: [String], _ entrypoint: [String] = ["e"]) throws
            -> [String]?
        {
            try compile {
                $0.container.command = command
                $0.container.args = args
                $0.image.entrypoint = entrypoint
                $0.image.command = ["c"]
            }.config.process?.args
        }
        #expect(try arguments([], []) == ["e", "c"])
        #expect(try arguments([], ["a"]) == ["e", "a"])
        #expect(try arguments(["x"], []) == ["x"])
        #expect(try arguments(["x"], ["a"]) == ["x", "a"])
        #expect(try arguments([], [], []) == ["c"])
        #expect(try arguments([], [], [""]) == ["c"])
    }

    @Test func laterVariablesWinInPlace() throws {
        let made = try compile {
            $0.image.environment = ["A=1", "PATH=/x", "nonsense", "=y", "B=2"]
            $0.container.envs = [
                RefusalTests.variable("A", "3"), RefusalTests.variable("HOSTNAME", "mine"),
                RefusalTests.variable("C", "ü=="), RefusalTests.variable("HOME", ""),
            ]
        }
        #expect(
            made.config.process?.env == ["PATH=/x", "HOSTNAME=mine", "A=3", "B=2", "C=ü==", "HOME="])
    }

    @Test func defaultsOfTheEnvironment() throws {
        let made = try compile {
            $0.image.environment = []
            $0.container.tty = true
            $0.pod.hostname = ""
            $0.host.hostname = "node-1"
            $0.security.runAsUser = int64(4711)
        }
        #expect(
            made.config.process?.env == [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
                "HOSTNAME=node-1",
            ])
        #expect(made.config.process?.terminal == true)
    }

    @Test func workingDirectory() throws {
        #expect(try compile { _ in }.config.process?.cwd == "/")
        #expect(try compile { $0.image.workingDirectory = "srv" }.config.process?.cwd == "/srv")
        let made = try compile {
            $0.image.workingDirectory = "/srv"
            $0.container.workingDir = "/opt"
        }
        #expect(made.config.process?.cwd == "/opt")
    }

    @Test(arguments: [
        (Runtime_V1_Signal.runtimeDefault, "", Int32(15), Runtime_V1_Signal.sigterm),
        (.runtimeDefault, "SIGQUIT", 3, .sigquit), (.runtimeDefault, "9", 9, .sigkill),
        (.runtimeDefault, "RTMIN+3", 37, .sigrtminplus3),
        (.runtimeDefault, "SIGRTMAX-1", 63, .sigrtmaxminus1),
        (.sigusr2, "SIGQUIT", 12, .sigusr2), (.sigrtmax, "", 64, .sigrtmax), (.sigrtmin, "", 34, .sigrtmin),
        (.sigrtmaxminus14, "", 50, .sigrtmaxminus14), (.sigcld, "", 17, .sigcld),
    ])
    func stopSignal(_ asked: Runtime_V1_Signal, _ image: String, _ number: Int32, _ told: Runtime_V1_Signal)
        throws
    {
        let made = try compile {
            $0.container.stopSignal = asked
            $0.image.stopSignal = image
        }
        #expect(made.stopSignal.number == number)
        #expect(made.stopSignal.message == told)
    }

    /// The interface's whole list has numbers, all of them good ones.
    @Test func everySignalIsKnown() {
        for signal in Runtime_V1_Signal.allCases where signal != .runtimeDefault {
            let number = StopSignal(signal)?.number ?? 0
            #expect((1...64).contains(number) && !(32...33).contains(number), "\(signal)")
        }
        #expect(StopSignal("SIGNOT") == nil && StopSignal("0") == nil && StopSignal("65") == nil)
        #expect(StopSignal("RTMIN+31") == nil && StopSignal(Runtime_V1_Signal.runtimeDefault) == nil)
    }

    @Test func logPath() throws {
        #expect(try compile { _ in }.logPath == "/var/log/pods/default_web_5d1f5e3c/nginx/0.log")
        #expect(try compile { $0.container.logPath = "" }.logPath == nil)
        #expect(try compile { $0.pod.logDirectory = "" }.logPath == nil)
    }

    // MARK: user

    @Test(arguments: [
        ("", UInt32(0), UInt32(0), [UInt32(0), 10]), ("app", 1000, 1000, [1000, 10, 50000]),
        ("1000", 1000, 1000, [1000, 10, 50000]), ("app:data", 1000, 50000, [50000, 10]),
        ("1000:5", 1000, 5, [5, 10, 50000]), ("4711", 4711, 0, [0]), ("4711:4712", 4711, 4712, [4712]),
        (":data", 0, 50000, [50000, 10]), ("homeless", 1001, 1001, [1001]),
    ])
    func imageUser(_ text: String, _ uid: UInt32, _ gid: UInt32, _ groups: [UInt32]) throws {
        let user = try compile { $0.image.user = text }.user
        #expect(user == ResolvedUser(uid: uid, gid: gid, supplementalGroups: groups))
    }

    @Test func securityContextBeatsTheImage() throws {
        var made = try compile {
            $0.image.user = "nobody"
            $0.security.runAsUsername = "app"
            $0.security.runAsGroup = int64(7)
            $0.security.supplementalGroups = [1234, 7]
        }
        #expect(made.user == ResolvedUser(uid: 1000, gid: 7, supplementalGroups: [7, 10, 1234, 50000]))
        #expect(made.user.message.linux.supplementalGroups == [7, 10, 1234, 50000])
        made = try compile {
            $0.security.runAsUser = int64(1000)
            $0.security.supplementalGroupsPolicy = .strict
            $0.security.supplementalGroups = [1234]
        }
        #expect(made.user == ResolvedUser(uid: 1000, gid: 1000, supplementalGroups: [1000, 1234]))
    }

    @Test func hostileAccountsAreSkipped() throws {
        let passwd =
            "app:x:4294967295:0::/:\n:x:0:0::/:\n#app:x:0:0\napp\0:x:0:0:\napp:x:-1:0\napp:x:77:78:a:rel\n"
        let made = try compile {
            $0.onHost {
                $0.root = ["etc/passwd": passwd, "etc/group": "app\n\n:::\nx:x:y:app\ng:x:9:app,\n"]
            }
            $0.image.user = "app"
        }
        #expect(made.user == ResolvedUser(uid: 77, gid: 78, supplementalGroups: [78, 9]))
        #expect(made.config.process?.env.contains { $0.hasPrefix("HOME=") } == false)
    }

    // MARK: namespaces

    @Test func targetIsJoined() throws {
        let made = try compile {
            $0.security.namespaceOptions.pid = .target
            $0.security.namespaceOptions.targetID = "c0"
            $0.paths.targetPID = "/proc/42/ns/pid"
        }
        #expect(made.config.namespace(.pid)?.path == "/proc/42/ns/pid")
    }

    @Test func containersThatSayNothingFollowThePod() throws {
        let made = try compile {
            $0.useHostNetwork()
            $0.pod.linux.securityContext.namespaceOptions.pid = .node
            $0.pod.linux.securityContext.namespaceOptions.ipc = .node
            $0.paths.ipc = nil
            $0.security.clearNamespaceOptions()
        }
        #expect(made.config.linux?.namespaces.map(\.type) == [.mount, .cgroup])
        #expect(made.config.mount("/dev/shm")?.source == "/dev/shm")
    }

    @Test func severalMappingsAreHonoured() throws {
        let made = try compile { sample in
            sample.useUserNamespace()
            var second = Runtime_V1_IDMapping()
            second.hostID = 500_000
            second.containerID = 65_536
            second.length = 10
            sample.pod.linux.securityContext.namespaceOptions.usernsOptions.uids.append(second)
            sample.security.namespaceOptions = sample.pod.linux.securityContext.namespaceOptions
        }
        #expect(made.config.linux?.uidMappings.map(\.hostID) == [131_072, 500_000])
    }

    // MARK: capabilities

    func capabilities(_ change: (inout Runtime_V1_Capability) -> Void) throws -> CapabilitySets? {
        try compile {
            $0.host.boundingCapabilities = [.CAP_KILL, .CAP_CHOWN, .CAP_SYS_ADMIN, .CAP_BPF]
            change(&$0.security.capabilities)
        }.config.process?.capabilities
    }

    @Test func capabilitySets() throws {
        #expect(try capabilities { _ in }?.bounding == ["CAP_CHOWN", "CAP_KILL"])
        var sets = try capabilities {
            $0.addCapabilities = ["all"]
            $0.dropCapabilities = ["CAP_BPF"]
        }
        #expect(sets?.effective == ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN"])
        sets = try capabilities {
            $0.addCapabilities = ["kill", "Cap_Bpf"]
            $0.dropCapabilities = ["ALL", "BPF"]
        }
        #expect(sets?.permitted == ["CAP_KILL"])
        #expect(sets?.inheritable == [] && sets?.ambient == [])
        sets = try capabilities {
            $0.dropCapabilities = ["ALL"]
            $0.addAmbientCapabilities = ["SYS_ADMIN"]
        }
        #expect(sets?.bounding == ["CAP_SYS_ADMIN"])
        #expect(sets?.inheritable == ["CAP_SYS_ADMIN"] && sets?.ambient == ["CAP_SYS_ADMIN"])
    }

    @Test func privilegedContainersHaveWhatTheHostHas() throws {
        let made = try compile {
            $0.bePrivileged()
            $0.host.boundingCapabilities = [.CAP_KILL, .CAP_SYS_ADMIN]
            $0.security.capabilities.dropCapabilities = ["ALL"]
            $0.security.seccomp.profileType = .runtimeDefault
            $0.security.maskedPaths = ["/proc/kcore"]
            $0.host.hasAppArmor = true
            $0.options.defaultAppArmorProfile = "cri"
        }
        #expect(made.config.process?.capabilities?.bounding == ["CAP_KILL", "CAP_SYS_ADMIN"])
        #expect(made.config.linux?.seccomp == nil && made.config.linux?.maskedPaths == [])
        #expect(made.config.process?.apparmorProfile == nil)
        #expect(
            made.config.linux?.devices.map(\.path) == ["/dev/fuse", "/dev/null", "/dev/sda", "/dev/snd/seq"])
        #expect(made.warnings.count == 1 && made.warnings[0].contains("seccomp"))
    }

    // MARK: seccomp, AppArmor, SELinux

    func seccomp(_ change: (inout Sample) -> Void = { _ in }) throws -> SeccompProfile {
        try #require(
            try compile {
                $0.security.seccomp.profileType = .runtimeDefault
                change(&$0)
            }.config.linux?.seccomp)
    }

    func allows(_ profile: SeccompProfile, _ name: String) -> Bool {
        profile.syscalls.contains {
            $0.names.contains(name) && $0.action == .SCMP_ACT_ALLOW && $0.args.isEmpty
        }
    }

    @Test func defaultProfileGrowsWithCapabilities() throws {
        let usual = try seccomp()
        #expect(usual.defaultAction == .SCMP_ACT_ERRNO)
        #expect(usual.architectures.first == .SCMP_ARCH_X86_64)
        for name in [
            "read", "clone3", "mount", "bpf", "add_key", "kexec_load", "io_uring_setup", "userfaultfd",
        ] {
            #expect(allows(usual, name) == (name == "read"), "\(name)")
        }
        #expect(allows(usual, "chroot"))
        let clone3 = try #require(usual.syscalls.first { $0.names == ["clone3"] })
        #expect(clone3.action == .SCMP_ACT_ERRNO && clone3.errnoRet == 38)
        let clone = try #require(usual.syscalls.first { $0.names == ["clone"] })
        #expect(clone.args == [.init(index: 0, value: 0x7e02_0000, op: .SCMP_CMP_MASKED_EQ)])

        let admin = try seccomp { $0.security.capabilities.addCapabilities = ["SYS_ADMIN"] }
        for name in ["clone", "clone3", "mount", "bpf", "unshare"] { #expect(allows(admin, name), "\(name)") }
        #expect(!admin.syscalls.contains { $0.names == ["clone3"] })
        let none = try seccomp { $0.security.capabilities.dropCapabilities = ["ALL"] }
        #expect(!allows(none, "chroot"))
        let s390 = try seccomp { $0.host.machine = "s390x" }
        #expect(s390.syscalls.first { $0.names == ["clone"] }?.args.first?.index == 1)
    }

    /// AF_ALG and AF_VSOCK match no rule, everything else does.
    @Test func socketFamilies() throws {
        let rules = try seccomp().syscalls.filter { $0.names == ["socket"] }
        for family in UInt64(0)...50 {
            let isAllowed = rules.contains { rule in
                rule.args.allSatisfy { argument in
                    switch argument.op {
                    case .SCMP_CMP_LT: family < argument.value
                    case .SCMP_CMP_EQ: family == argument.value
                    case .SCMP_CMP_GT: family > argument.value
                    default: false
                    }
                }
            }
            #expect(isAllowed == (family != 38 && family != 40), "\(family)")
        }
    }

    @Test func noCallIsNamedTwice() throws {
        let all = try seccomp { $0.security.capabilities.addCapabilities = ["ALL"] }
        let names = all.syscalls.filter(\.args.isEmpty).flatMap(\.names)
        #expect(names.count == Set(names).count)
        #expect(names.count > 350)
    }

    @Test func profilesOfTheNode() throws {
        let text =
            #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod"],"action":"SCMP_ACT_ERRNO"}]}"#
        for change: (inout Sample) -> Void in [
            { $0.security.seccomp.localhostRef = "/profiles/p.json" },
            { $0.security.seccomp.localhostRef = "localhost/p.json" },
            {
                $0.security.clearSeccomp()
                $0.security.seccompProfilePath = "localhost//profiles/p.json"
            },
        ] {
            let profile = try seccomp {
                $0.onHost { $0.files["/profiles/p.json"] = text }
                $0.options.seccompRoot = "/profiles"
                $0.security.seccomp.profileType = .localhost
                change(&$0)
            }
            #expect(profile.defaultAction == .SCMP_ACT_ALLOW)
            #expect(profile.syscalls.map(\.names) == [["chmod"]])
        }
    }

    @Test func whatIsUnsetIsUnconfinedUnlessTheOperatorSaysSo() throws {
        #expect(try compile { _ in }.config.linux?.seccomp == nil)
        #expect(try compile { $0.options.unsetSeccomp = .runtimeDefault }.config.linux?.seccomp != nil)
        let made = try compile {
            $0.options.unsetSeccomp = .runtimeDefault
            $0.security.seccompProfilePath = "unconfined"
        }
        #expect(made.config.linux?.seccomp == nil)
    }

    @Test func appArmor() throws {
        func profile(_ change: (inout Sample) -> Void) throws -> String? {
            try compile {
                $0.host.hasAppArmor = true
                $0.options.defaultAppArmorProfile = "cri"
                $0.onHost { $0.files["/sys/kernel/security/apparmor/profiles"] = "mine (enforce)\n" }
                change(&$0)
            }.config.process?.apparmorProfile
        }
        #expect(try profile { _ in } == "cri")
        #expect(try profile { $0.security.apparmor.profileType = .unconfined } == nil)
        #expect(try profile { $0.security.apparmorProfile = "localhost/mine" } == "mine")
        let made = try compile { $0.security.apparmor.profileType = .runtimeDefault }
        #expect(made.config.process?.apparmorProfile == nil && made.warnings.count == 1)
    }

    @Test func seLinux() throws {
        let made = try compile {
            $0.host.hasSELinux = true
            $0.paths.selinuxLevel = "s0:c1,c2"
            $0.security.selinuxOptions.type = "spc_t"
            $0.mount("/a", "/srv") { $0.selinuxRelabel = true }
        }
        #expect(made.config.process?.selinuxLabel == "system_u:system_r:spc_t:s0:c1,c2")
        #expect(made.config.linux?.mountLabel == "system_u:object_r:container_file_t:s0:c1,c2")
        #expect(made.relabels.first?.path == "/srv")
        #expect(made.relabels.first?.pointer == "/config/mounts/0/selinux_relabel")
        // The pod's files, its shared memory among them.
        #expect(made.relabels.count == 5)
        let off = try compile { $0.security.selinuxOptions.type = "spc_t" }
        #expect(off.config.process?.selinuxLabel == nil && off.warnings.count == 1)
    }

    @Test(arguments: [
        ("s0", true), ("s0:c1", true), ("s0-s3:c1.c5,c9", true), ("s0:c1-s3:c1.c5", true), ("", false),
        ("s0:", false), ("s0:c1,", false), ("c1", false), ("s0:c1.c2.c3", false), ("s:c1", false),
        ("s0;rm", false), ("s0:c1:c2", false),
    ])
    func levels(_ text: String, _ isGood: Bool) { #expect(Compilation.isLevel(text) == isGood) }

    // MARK: mounts

    @Test func aMountOfTheContainersCoversDefaults() throws {
        let made = try compile {
            $0.mount("/dev/", "/dev")
            $0.mount("/etc/hosts", "/h")
            $0.mount("/sys/../proc", "/proc")
        }
        let targets = made.config.mounts.map(\.target)
        #expect(targets.filter { $0 == "/dev" || $0.hasPrefix("/dev/") } == ["/dev"])
        #expect(targets.filter { $0 == "/proc" || $0 == "/etc/hosts" }.count == 2)
        #expect(made.config.mount("/proc")?.source == "/proc" && made.config.mount("/proc")?.type == "bind")
    }

    @Test func deeperMountsComeLater() throws {
        let made = try compile {
            $0.mount("/a/b/c", "/1")
            $0.mount("/a", "/2")
            $0.mount("/a/b", "/3")
            $0.mount("/z", "/4")
        }
        let targets = made.config.mounts.map(\.target).filter { $0.hasPrefix("/a") || $0 == "/z" }
        #expect(targets == ["/a", "/z", "/a/b", "/a/b/c"])
    }

    @Test func hostPathsAreResolvedAndMade() throws {
        let sample = Sample.sample {
            $0.onHost {
                $0.links = ["/link": "/target/of/link"]
                $0.absent = ["/not/there"]
            }
            $0.mount("/a", "/link")
            $0.mount("/b", "/not/there")
        }
        let made = try sample.compile()
        #expect(made.config.mount("/a")?.source == "/target/of/link")
        #expect((sample.files as? SampleFiles)?.made.all == ["/not/there"])
        #expect(made.mounts == sample.container.mounts)
    }

    @Test func imagesAreReadOnly() throws {
        let made = try compile {
            $0.imageMounts = [0: "/images/2"]
            $0.mount("/a", "") {
                $0.readonly = true
                $0.image.image = "sha256:2"
                $0.imageSubPath = "lib"
                $0.mountOptions = ["noexec"]
            }
        }
        #expect(made.config.mount("/a")?.source == "/images/2/lib")
        #expect(made.config.mount("/a")?.options == ["rbind", "rprivate", "ro", "noexec"])
    }

    @Test func volumesOfTheImage() throws {
        let made = try compile {
            $0.image.volumes = ["/data", "cache", "/covered", "/left"]
            $0.volumeDirectories = ["/data": "/v/1", "cache": "/v/2", "/covered": "/v/3"]
            $0.mount("/covered", "/srv")
        }
        #expect(made.config.mount("/data")?.source == "/v/1")
        #expect(made.config.mount("/cache")?.source == "/v/2")
        #expect(made.config.mount("/covered")?.source == "/srv")
        #expect(made.config.mount("/left") == nil)
    }

    @Test func mountTableFindsTheUppermost() {
        let table = MountTable(
            """
            22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
            23 22 0:5 / /mnt rw master:3 - tmpfs tmpfs rw,size=5
            24 22 0:6 / /mnt/with\\040space rw - tmpfs tmpfs rw
            25 22 0:7 / /mnt rw shared:9 master:3 - tmpfs tmpfs rw
            nonsense
            """)
        #expect(table.mount(of: "/mnt/x")?.isShared == true)
        #expect(table.mount(of: "/mnt/with space/a")?.mountPoint == "/mnt/with space")
        #expect(table.mount(of: "/mntx")?.mountPoint == "/")
        #expect(table.mount(of: "/")?.isSlave == false)
    }

    // MARK: devices

    @Test func devicesHaveRules() throws {
        let made = try compile {
            $0.options.deviceOwnershipFromSecurityContext = true
            $0.security.runAsUser = int64(1000)
            $0.container.devices = [
                RefusalTests.device("/dev/fuse", "", ""), RefusalTests.device("/dev/snd", "/dev/sound", "r"),
                RefusalTests.device("/dev/sda", "/dev/disk", "rw"),
            ]
        }
        let linux = try #require(made.config.linux)
        #expect(linux.devices.map(\.path) == ["/dev/fuse", "/dev/sound/seq", "/dev/disk"])
        #expect(linux.devices.map(\.uid) == [1000, 1000, 1000] && linux.devices.map(\.gid) == [0, 0, 0])
        #expect(linux.resources?.devices.map(\.access) == ["rwm", "rwm", "r", "rw"])
        #expect(linux.resources?.devices.map(\.allow) == [false, true, true, true])
        #expect(linux.resources?.devices.last?.type == .b)
    }

    @Test func editsComeLast() throws {
        let made = try compile { sample in
            sample.edit = { config in
                config.process?.env.append("GPU=1")
                config.process?.user.additionalGids.append(44)
                var device = Device(type: .c, path: "/dev/gpu")
                device.major = 195
                device.minor = 0
                config.linux?.devices.append(device)
                var mount = Mount(destination: "/usr/lib/gpu.so")
                mount.source = "/opt/gpu.so"
                mount.options = ["bind", "ro"]
                config.mounts.append(mount)
                config.hooks = Hooks()
                config.hooks?.createContainer = [Hook(path: "/bin/hook")]
                config.linux?.netDevices = [NetDevice(hostName: "ens5", name: "net1")]
                config.linux?.intelRdt = IntelRdt()
                config.linux?.intelRdt?.closID = "gold"
            }
        }
        let config = try Config.decode(made.json)
        #expect(config == made.config)
        #expect(config.linux?.devices.map(\.major) == [195])
        #expect(config.process?.env.suffix(2) == ["HOME=/root", "GPU=1"])
        #expect(made.user.supplementalGroups == [0, 10, 44])
        #expect(config.mount("/usr/lib/gpu.so")?.source == "/opt/gpu.so")
        #expect(config.hooks?.createContainer.map(\.path) == ["/bin/hook"])
        #expect(config.linux?.netDevices.map(\.name) == ["net1"])
        #expect(config.linux?.intelRdt?.closID == "gold")
    }

    // MARK: resources

    @Test func limitsWithoutSwapGiveNoSwap() throws {
        var made = try compile { $0.container.linux.resources.memoryLimitInBytes = 1 << 20 }
        #expect(made.config.linux?.resources?.memory?.swap == 1 << 20)
        made = try compile {
            $0.host.accountsForSwap = false
            $0.container.linux.resources.memoryLimitInBytes = 1 << 20
            $0.container.linux.resources.memorySwapLimitInBytes = 1 << 21
        }
        #expect(made.config.linux?.resources?.memory?.swap == nil && made.warnings.count == 1)
    }

    @Test func oomScoreIsClampedToTheHosts() throws {
        func score(_ asked: Int64, _ change: (inout Sample) -> Void = { _ in }) throws -> (Int?, Int) {
            let made = try compile {
                $0.host.oomScoreAdjustment = 100
                $0.host.mayLowerOOMScore = false
                $0.container.linux.resources.oomScoreAdj = asked
                change(&$0)
            }
            return (made.config.process?.oomScoreAdj, made.warnings.count)
        }
        #expect(try score(-998) == (100, 1))
        #expect(try score(200) == (200, 0))
        #expect(try score(-998) { $0.options.restrictsOOMScoreAdjustment = false } == (-998, 0))
        #expect(try score(-998) { $0.host.mayLowerOOMScore = true } == (-998, 0))
        // Nothing was asked for, so nothing is missed.
        #expect(try score(0) { $0.container.linux.clearResources() } == (100, 0))
    }

    @Test func hugepagesOfTheHostAreLimited() throws {
        let made = try compile {
            $0.host.hugepageSizes = ["2MB"]
            $0.container.linux.resources.hugepageLimits = [
                RefusalTests.hugepage("2MB"), RefusalTests.hugepage("1GB"),
            ]
        }
        #expect(made.config.linux?.resources?.hugepageLimits.map(\.pageSize) == ["2MB"])
        #expect(made.warnings.count == 1)
    }

    @Test func optionsOfTheOperator() throws {
        let made = try compile {
            $0.options.pidsLimit = 100
            $0.options.resourceLimits = [RLimit(type: .RLIMIT_NOFILE, soft: 1024, hard: 4096)]
            $0.options.disableProcMount = true
            $0.options.cgroupWritable = true
            $0.options.podAnnotations = ["example.com/*"]
            $0.pod.annotations = ["example.com/a": "1", "example.com/a/b": "2", "other": "3"]
            $0.options.containerAnnotations = ["*"]
            $0.container.annotations = ["io.kubernetes.cri.sandbox-id": "forged", "mine": "4"]
        }
        #expect(made.config.linux?.resources?.pids?.limit == 100)
        #expect(made.config.process?.rlimits.count == 1)
        #expect(made.config.linux?.readonlyPaths.contains("/proc/sys") == true)
        #expect(made.config.mount("/sys/fs/cgroup")?.options.last == "rw")
        #expect(made.config.annotations["example.com/a"] == "1")
        #expect(made.config.annotations["example.com/a/b"] == nil && made.config.annotations["other"] == nil)
        #expect(made.config.annotations["mine"] == "4")
        #expect(made.config.annotations["io.kubernetes.cri.sandbox-id"] == "p1")
    }

    @Test func cgroups() throws {
        typealias Place = CgroupPlacement
        #expect(try Place.place("c", below: "/kube/pod/", driver: .cgroupfs).cgroupsPath == "/kube/pod/c")
        #expect(try Place.place("c", below: "", driver: .cgroupfs).cgroupsPath == "/apus-cri/c")
        #expect(
            try Place.place("c", below: "/a.slice/a-b.slice", driver: .systemd).cgroupsPath
                == "a-b.slice:cri-apus:c")
        #expect(try Place.place("c", below: "", driver: .systemd).cgroupsPath == "system.slice:cri-apus:c")
        for (parent, driver) in [("/kube/pod", Place.Driver.systemd), ("/a/../../b", .cgroupfs)] {
            let error = #expect(throws: SpecificationError.self) {
                try Place.place("c", below: parent, driver: driver)
            }
            #expect(error?.failure.origin.source == "/sandbox_config/linux/cgroup_parent")
        }
    }
}
