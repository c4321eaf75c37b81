import Diagnosis
import Glibc
import Kernel

/// What is the case on the host, found out once.
package struct HostFacts: Equatable, Sendable {
    /// cgroup v2 alone.
    package var isUnified: Bool
    package var hasSeccomp: Bool
    package var hasAppArmor: Bool
    package var hasSELinux: Bool
    /// Memory and swap together can be limited.
    package var accountsForSwap: Bool
    /// The sizes of huge pages that can be limited: `2MB`. Empty without a hugetlb controller.
    package var hugepageSizes: Set<String>
    /// The bounding set of the daemon: nobody below it can have more.
    package var boundingCapabilities: Set<Capability>
    /// Of the daemon.
    package var oomScoreAdjustment: Int
    /// CAP_SYS_RESOURCE, which lowering it takes (proc_pid_oom_score_adj(5)).
    package var mayLowerOOMScore: Bool
    /// For HOSTNAME in pods of the host's network.
    package var hostname: String
    /// Mount options of the host's cgroup2 that a second mount of it would take away: `nsdelegate`.
    package var cgroupOptions: [String]
    /// As uname(2) has it: `x86_64`.
    package var machine: String

    package init(
        isUnified: Bool = true, hasSeccomp: Bool = true, hasAppArmor: Bool = false, hasSELinux: Bool = false,
        accountsForSwap: Bool = true, hugepageSizes: Set<String> = [],
        boundingCapabilities: Set<Capability> = Set(Capability.allCases), oomScoreAdjustment: Int = 0,
        mayLowerOOMScore: Bool = true, hostname: String = "localhost", cgroupOptions: [String] = [],
        machine: String = "x86_64"
    ) {
        self.isUnified = isUnified
        self.hasSeccomp = hasSeccomp
        self.hasAppArmor = hasAppArmor
        self.hasSELinux = hasSELinux
        self.accountsForSwap = accountsForSwap
        self.hugepageSizes = hugepageSizes
        self.boundingCapabilities = boundingCapabilities
        self.oomScoreAdjustment = oomScoreAdjustment
        self.mayLowerOOMScore = mayLowerOOMScore
        self.hostname = hostname
        self.cgroupOptions = cgroupOptions
        self.machine = machine
    }
}

extension HostFacts {
    /// Asks the running kernel. What cannot be read counts as absent, but for the daemon's own status.
    package static func detect() throws(SystemError) -> HostFacts {
        let status = try FileTree.readText("/proc/self/status")
        let bounding = capabilities(status, "CapBnd:")
        let magic = 0x6367_7270
        let isUnified = FileTree.isFileSystem("/sys/fs/cgroup", magic: magic)
        let score = (try? FileTree.readText("/proc/self/oom_score_adj")).flatMap(Int.init) ?? 0
        var names = utsname()
        _ = uname(&names)
        return HostFacts(
            isUnified: isUnified, hasSeccomp: status.contains("\nSeccomp:"),
            hasAppArmor: (try? FileTree.readText("/sys/module/apparmor/parameters/enabled")) == "Y",
            hasSELinux: FileTree.isFileSystem("/sys/fs/selinux", magic: 0xf97c_ff8c),
            accountsForSwap: accountsForSwap(isUnified: isUnified), hugepageSizes: hugepageSizes(isUnified),
            boundingCapabilities: bounding, oomScoreAdjustment: score,
            mayLowerOOMScore: capabilities(status, "CapEff:").contains(.CAP_SYS_RESOURCE),
            hostname: text(&names.nodename), cgroupOptions: isUnified ? cgroupOptions() : [],
            machine: text(&names.machine))
    }

    private static func capabilities(_ status: String, _ line: String) -> Set<Capability> {
        for found in status.split(separator: "\n") where found.hasPrefix(line) {
            let digits = found.dropFirst(line.count).drop { $0 == "\t" || $0 == " " }
            let bits = UInt64(digits, radix: 16) ?? 0
            return Set(Capability.allCases.filter { bits >> UInt64($0.rawValue) & 1 == 1 })
        }
        return []
    }

    /// The root has no limits of its own: a child tells.
    private static func accountsForSwap(isUnified: Bool) -> Bool {
        if !isUnified { return FileTree.exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes") }
        let path =
            (try? FileTree.readText("/proc/self/cgroup"))?.split(separator: "\n").first?.dropFirst(3) ?? "/"
        if path != "/" { return FileTree.exists("/sys/fs/cgroup\(path)/memory.swap.max") }
        let children = (try? FileTree.list("/sys/fs/cgroup")) ?? []
        return children.contains { FileTree.exists("/sys/fs/cgroup/\($0)/memory.swap.max") }
    }

    private static func hugepageSizes(_ isUnified: Bool) -> Set<String> {
        let controllers = (try? FileTree.readText("/sys/fs/cgroup/cgroup.controllers")) ?? ""
        let has =
            isUnified
            ? controllers.split(separator: " ").contains("hugetlb")
            : FileTree.exists("/sys/fs/cgroup/hugetlb")
        guard has, let sizes = try? FileTree.list("/sys/kernel/mm/hugepages") else { return [] }
        return Set(
            sizes.compactMap { name in
                guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
                    let size = Int(name.dropFirst(10).dropLast(2))
                else { return nil }
                if size >= 1 << 20 { return "\(size >> 20)GB" }
                return size >= 1 << 10 ? "\(size >> 10)MB" : "\(size)KB"
            })
    }

    private static func cgroupOptions() -> [String] {
        guard let text = try? FileTree.read("/proc/self/mountinfo", limit: 4 << 20) else { return [] }
        let mount = MountTable(String(decoding: text, as: UTF8.self)).mount(of: "/sys/fs/cgroup")
        let kept = ["nsdelegate", "memory_recursiveprot", "memory_hugetlb_accounting", "favordynmods"]
        return mount?.superOptions.filter(kept.contains) ?? []
    }

    private static func text<Field>(_ field: inout Field) -> String {
        withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
