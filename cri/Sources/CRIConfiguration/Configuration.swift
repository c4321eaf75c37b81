/// What an operator decides: `/etc/apus-cri/config.toml`. What each setting is, and its key, is said in ``Settings``, of
/// which the documented default file is made, too.
public struct Configuration: Equatable, Sendable {
    /// Where the file is if nobody says.
    public static let defaultPath = "/etc/apus-cri/config.toml"

    public var root = "/var/lib/apus-cri"
    public var run = "/run/apus-cri"
    /// One of ``handlers``.
    public var defaultHandler = "apus"
    public var socket = Socket()
    public var log = Log()
    public var cgroups = Cgroups()
    /// By their names, which RuntimeClasses have as `handler`.
    public var handlers = ["apus": Handler(path: "/usr/bin/apus", kind: .apus)]
    public var images = Images()
    public var network = Network()
    public var pods = Pods()

    public init() {}

    public struct Socket: Equatable, Sendable {
        public var path = "/run/apus-cri/apus-cri.sock"
        public var mode = FileMode(rawValue: 0o660)
        public var uid = 0
        public var gid = 0
        public var stopGrace = TimeSpan(seconds: 10)
    }

    public struct Log: Equatable, Sendable {
        public enum Level: String, CaseIterable, Sendable {
            case trace, debug, info, notice, warning, error, critical
        }
        public enum Format: String, CaseIterable, Sendable { case text, json }

        public var level = Level.info
        public var format = Format.text
    }

    public struct Cgroups: Equatable, Sendable {
        public enum Driver: String, CaseIterable, Sendable { case auto, cgroupfs, systemd }

        public var driver = Driver.auto
        public var monitors = "/apus-cri/monitors"
    }

    public struct Handler: Equatable, Sendable {
        public enum Kind: String, CaseIterable, Sendable { case apus, oci }

        /// Required.
        public var path: String
        public var kind: Kind
        public var arguments: [String] = []
        /// Nil: `RUN/runtimes/NAME`.
        public var root: String?
        public var privilegedWithoutHostDevices = false
        public var privilegedWithoutHostDevicesAllAllowed = false
        public var podAnnotations: [String] = []
        public var containerAnnotations: [String] = []

        public init(path: String, kind: Kind) {
            self.path = path
            self.kind = kind
        }
    }

    public struct Images: Equatable, Sendable {
        public var registries = "/etc/apus-cri/certs.d"
        public var downloads = 4
        public var unpacks = 2
        public var stallTimeout = TimeSpan(seconds: 60)
        public var keepBlobs = false
        public var collectAfter = TimeSpan(seconds: 60)
        public var pinned: [String] = []
        public var limits = Limits()
    }

    /// How much of an image is unpacked.
    public struct Limits: Equatable, Sendable {
        public var layer = ByteCount(64 << 30)
        public var image = ByteCount(256 << 30)
        public var entries = 5_000_000
        public var depth = 255
        public var path = ByteCount(4095)
        public var ratio = 250
        public var ratioFloor = ByteCount(1 << 30)
    }

    public struct Network: Equatable, Sendable {
        public var configurations = "/etc/cni/net.d"
        /// Nil: the first in the order of the files' names.
        public var name: String?
        public var plugins = ["/opt/cni/bin", "/usr/lib/cni"]
        /// Nil: `ROOT/network`.
        public var cache: String?
        public var pluginTimeout = TimeSpan(seconds: 60)
    }

    public struct Pods: Equatable, Sendable {
        public enum UnsetSeccomp: String, CaseIterable, Sendable {
            case unconfined
            case runtimeDefault = "runtime/default"
        }

        public var seccompProfile: String?
        public var unsetSeccomp = UnsetSeccomp.unconfined
        public var seccompRoot: String? = "/var/lib/kubelet/seccomp"
        public var apparmorProfile: String?
        public var selinuxProcessContext = "system_u:system_r:container_t"
        public var selinuxFileContext = "system_u:object_r:container_file_t"
        public var capabilities = [
            "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
            "CAP_MKNOD",
            "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
            "CAP_SYS_CHROOT",
        ]
        public var ulimits: [ResourceLimit] = []
        /// Nil: no limit of the container's own.
        public var pidsLimit: PositiveCount?
        public var restrictOOMScoreAdjustment = true
        public var tolerateMissingHugetlb = true
        public var disableProcMount = false
        public var cgroupWritable = false
        public var deviceOwnership = false
        public var cdiDirectories = ["/etc/cdi", "/var/run/cdi"]
        public var unprivilegedPorts = true
        public var unprivilegedICMP = true
        public var refusedMissingPaths: [String] = []
        public var killTimeout = TimeSpan(seconds: 60)
        public var execOutput = ByteCount(16 << 20)
    }
}
