/// What the runtime implements (features.md, features-linux.md), as `features` prints it.
///
/// nil leaves a property out, which readers take for "unknown", not for "no".
public struct Features: Equatable, Sendable {
    public var ociVersionMin: String
    public var ociVersionMax: String
    /// The kinds of hooks.
    public var hooks: [String]?
    /// Without those that a file system reads itself.
    public var mountOptions: [String]?
    public var linux: Linux?
    /// About the runtime: its version and the like.
    public var annotations: [String: String] = [:]
    /// Annotations of config.json that change what the runtime does; one that ends with a dot stands
    /// for all that begin so.
    public var potentiallyUnsafeConfigAnnotations: [String]?

    public init(ociVersionMin: String, ociVersionMax: String) {
        self.ociVersionMin = ociVersionMin
        self.ociVersionMax = ociVersionMax
    }

    public struct Linux: Equatable, Sendable {
        public var namespaces: [String]?
        public var capabilities: [String]?
        public var cgroup: Cgroup?
        public var seccomp: Seccomp?
        public var apparmorEnabled: Bool?
        public var selinuxEnabled: Bool?
        public var intelRdt: IntelRdt?
        public var memoryPolicy: MemoryPolicy?
        /// Whether mounts can be ID-mapped: `mountExtensions.idmap.enabled`.
        public var idmapMountsEnabled: Bool?
        public var netDevicesEnabled: Bool?
        public init() {}
    }

    public struct Cgroup: Equatable, Sendable {
        public var v1: Bool?
        public var v2: Bool?
        public var systemd: Bool?
        public var systemdUser: Bool?
        public var rdma: Bool?
        public init() {}
    }

    public struct Seccomp: Equatable, Sendable {
        public var enabled: Bool?
        public var actions: [String]?
        public var operators: [String]?
        public var archs: [String]?
        /// The flags that are understood.
        public var knownFlags: [String]?
        /// Those of them that this library and this kernel have.
        public var supportedFlags: [String]?
        public init() {}
    }

    public struct IntelRdt: Equatable, Sendable {
        public var enabled: Bool?
        public var schemata: Bool?
        public var monitoring: Bool?
        public init() {}
    }

    public struct MemoryPolicy: Equatable, Sendable {
        public var modes: [String]?
        public var flags: [String]?
        public init() {}
    }
}
