/// config-linux.md, "Control groups": limits, in the units of the specification (cgroup v1's).
public struct Resources: Equatable, Sendable {
    public var devices: [DeviceRule] = []
    public var memory: Memory?
    public var cpu: CPU?
    public var pids: Pids?
    public var blockIO: BlockIO?
    public var hugepageLimits: [HugepageLimit] = []
    public var network: Network?
    /// By the RDMA device's name, in document order.
    public var rdma: [RDMA] = []
    /// cgroup v2 file name and value, in document order.
    public var unified: [Unified] = []
    public init() {}
}

extension Resources {
    public struct DeviceRule: Equatable, Sendable {
        public enum Kind: String, CaseIterable, Sendable { case a, b, c }
        public var allow: Bool
        public var type: Kind?
        /// Absent: any; as the specification's example has it, -1 says the same.
        public var major: Int64?
        public var minor: Int64?
        /// Some of `rwm`.
        public var access: String?
        public init(allow: Bool) { self.allow = allow }
    }

    /// Bytes; -1 is unlimited.
    public struct Memory: Equatable, Sendable {
        public var limit: Int64?
        public var reservation: Int64?
        /// Memory and swap together.
        public var swap: Int64?
        public var kernel: Int64?
        public var kernelTCP: Int64?
        public var swappiness: UInt64?
        public var disableOOMKiller: Bool?
        public var useHierarchy: Bool?
        public var checkBeforeUpdate: Bool?
        public init() {}
    }

    public struct CPU: Equatable, Sendable {
        public var shares: UInt64?
        /// Microseconds, as all times here.
        public var quota: Int64?
        public var burst: UInt64?
        public var period: UInt64?
        public var realtimeRuntime: Int64?
        public var realtimePeriod: UInt64?
        public var cpus: String?
        public var mems: String?
        public var idle: Int64?
        public init() {}
    }

    public struct Pids: Equatable, Sendable {
        /// Absent: leave it; -1: unlimited.
        public var limit: Int64?
        public init() {}
    }

    public struct BlockIO: Equatable, Sendable {
        public var weight: UInt16?
        public var leafWeight: UInt16?
        public var weightDevice: [WeightDevice] = []
        public var throttleReadBpsDevice: [ThrottleDevice] = []
        public var throttleWriteBpsDevice: [ThrottleDevice] = []
        public var throttleReadIOPSDevice: [ThrottleDevice] = []
        public var throttleWriteIOPSDevice: [ThrottleDevice] = []
        public init() {}
    }

    public struct WeightDevice: Equatable, Sendable {
        public var major: Int64
        public var minor: Int64
        public var weight: UInt16?
        public var leafWeight: UInt16?
        public init(major: Int64, minor: Int64) {
            self.major = major
            self.minor = minor
        }
    }

    /// Bytes or operations a second.
    public struct ThrottleDevice: Equatable, Sendable {
        public var major: Int64
        public var minor: Int64
        public var rate: UInt64
        public init(major: Int64, minor: Int64, rate: UInt64) {
            self.major = major
            self.minor = minor
            self.rate = rate
        }
    }

    public struct HugepageLimit: Equatable, Sendable {
        /// As in /sys/fs/cgroup: `2MB`, `1GB`.
        public var pageSize: String
        /// Bytes.
        public var limit: UInt64
        public init(pageSize: String, limit: UInt64) {
            self.pageSize = pageSize
            self.limit = limit
        }
    }

    public struct Network: Equatable, Sendable {
        public var classID: UInt32?
        public var priorities: [InterfacePriority] = []
        public init() {}
    }

    public struct InterfacePriority: Equatable, Sendable {
        public var name: String
        public var priority: UInt32
        public init(name: String, priority: UInt32) {
            self.name = name
            self.priority = priority
        }
    }

    public struct RDMA: Equatable, Sendable {
        public var device: String
        public var hcaHandles: UInt32?
        public var hcaObjects: UInt32?
        public init(device: String) { self.device = device }
    }

    public struct Unified: Equatable, Sendable {
        public var file: String
        public var value: String
        public init(file: String, value: String) {
            self.file = file
            self.value = value
        }
    }
}
