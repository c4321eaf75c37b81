/// A resource controller by its cgroup v2 name (cgroups(7)).
public struct Controller: Hashable, Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }

    public static let cpu = Controller("cpu")
    public static let cpuset = Controller("cpuset")
    public static let io = Controller("io")
    public static let memory = Controller("memory")
    public static let pids = Controller("pids")
    public static let hugetlb = Controller("hugetlb")
    public static let rdma = Controller("rdma")
    /// The core: files named `cgroup.*` are there in every cgroup but the root.
    public static let core = Controller("cgroup")

    /// The name that cgroup v1 knows it by.
    var v1Name: String { self == .io ? "blkio" : name }

    /// Whether cgroup v2 has it not, or has it without files.
    var isLegacyOnly: Bool {
        ["net_cls", "net_prio", "devices", "freezer", "cpuacct"].contains(name)
    }

    /// Whether it also works in a threaded cgroup, whose processes it cannot tell apart from their
    /// neighbours' (cgroups(7), "Thread mode").
    var isThreaded: Bool {
        ["cpu", "cpuset", "perf_event", "pids", "cgroup"].contains(name)
    }
}

extension Controller: CustomStringConvertible {
    public var description: String { name }
}
