/// config-linux.md.
public struct Linux: Equatable, Sendable {
    public var namespaces: [Namespace] = []
    public var uidMappings: [IDMapping] = []
    public var gidMappings: [IDMapping] = []
    public var timeOffsets: [TimeOffset] = []
    public var devices: [Device] = []
    /// By the device's name on the host, in document order.
    public var netDevices: [NetDevice] = []
    public var cgroupsPath: String?
    public var resources: Resources?
    public var rootfsPropagation: RootfsPropagation?
    public var seccomp: SeccompProfile?
    /// In document order.
    public var sysctl: [Sysctl] = []
    public var maskedPaths: [String] = []
    public var readonlyPaths: [String] = []
    public var mountLabel: String?
    public var personality: Personality?
    public var memoryPolicy: MemoryPolicy?
    public var intelRdt: IntelRdt?
    public init() {}
}

public struct Namespace: Equatable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case pid, network, mount, ipc, uts, user, cgroup, time
    }
    public var type: Kind
    /// Absent: a new namespace.
    public var path: String?
    public init(type: Kind, path: String? = nil) {
        self.type = type
        self.path = path
    }
}

public struct TimeOffset: Equatable, Sendable {
    public enum Clock: String, CaseIterable, Sendable { case monotonic, boottime }
    public var clock: Clock
    public var secs: Int64 = 0
    public var nanosecs: UInt32 = 0
    public init(clock: Clock) { self.clock = clock }
}

public struct Device: Equatable, Sendable {
    /// `u` is the same as `c`.
    public enum Kind: String, CaseIterable, Sendable { case c, b, u, p }
    public var type: Kind
    public var path: String
    /// Absent for a FIFO.
    public var major: UInt32?
    public var minor: UInt32?
    public var fileMode: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    public init(type: Kind, path: String) {
        self.type = type
        self.path = path
    }
}

public struct NetDevice: Equatable, Sendable {
    public var hostName: String
    /// The name in the container; absent: unchanged.
    public var name: String?
    public init(hostName: String, name: String? = nil) {
        self.hostName = hostName
        self.name = name
    }
}

public enum RootfsPropagation: String, CaseIterable, Sendable {
    case shared, slave, `private`, unbindable, rshared, rslave, rprivate, runbindable
}

public struct Sysctl: Equatable, Sendable {
    public var name: String
    public var value: String
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

public struct Personality: Equatable, Sendable {
    public enum Domain: String, CaseIterable, Sendable { case LINUX, LINUX32 }
    public var domain: Domain
    public var flags: [String] = []
    public init(domain: Domain) { self.domain = domain }
}

public struct MemoryPolicy: Equatable, Sendable {
    public enum Mode: String, CaseIterable, Sendable {
        case MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED,
            MPOL_PREFERRED_MANY, MPOL_LOCAL
    }
    public enum Flag: String, CaseIterable, Sendable {
        case MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES
    }
    public var mode: Mode
    public var nodes: String?
    public var flags: [Flag] = []
    public init(mode: Mode) { self.mode = mode }
}

public struct IntelRdt: Equatable, Sendable {
    public var closID: String?
    public var schemata: [String] = []
    public var l3CacheSchema: String?
    public var memBwSchema: String?
    public var enableMonitoring = false
    public init() {}
}
