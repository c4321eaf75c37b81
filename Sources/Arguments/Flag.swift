/// One option of the program or of a command: how it is written and what it is for.
public struct Flag: Equatable, Sendable {
    /// What follows the option's name.
    public enum Value: Equatable, Sendable {
        /// Nothing, or `=true` and its kin: an option that is on or off.
        case toggle
        /// Any text; the string is its placeholder in help.
        case text(String)
        /// A whole number, as the parser makes sure; the string is its placeholder in help.
        case number(String)
        /// One of these words. The command that reads it words the refusal of any other.
        case choice([String])
    }

    public var name: Name
    /// A single letter, or empty.
    public var short: String
    public var value: Value
    /// One sentence, without a capital and a full stop.
    public var meaning: String
    /// What holds when the option is not given; empty if help has nothing to say about it.
    public var fallback: String
    /// May be given more than once, each adding a value. Of any other option the last one holds.
    public var isRepeatable: Bool
    /// Accepted, but left out of help.
    public var isHidden: Bool

    init(
        _ name: Name, short: String = "", _ value: Value, _ meaning: String, fallback: String = "",
        isRepeatable: Bool = false, isHidden: Bool = false
    ) {
        self.name = name
        self.short = short
        self.value = value
        self.meaning = meaning
        self.fallback = fallback
        self.isRepeatable = isRepeatable
        self.isHidden = isHidden
    }

    /// An option that is on or off.
    init(_ name: Name, short: String = "", _ meaning: String, isHidden: Bool = false) {
        self.init(name, short: short, .toggle, meaning, isHidden: isHidden)
    }

    /// The long names of all options, so that a misspelt one does not compile.
    public enum Name: String, CaseIterable, Sendable {
        case additionalGids = "additional-gids"
        case all
        case apparmor
        case autoDedup = "auto-dedup"
        case blkioWeight = "blkio-weight"
        case bundle
        case cap
        case cgroup
        case cgroupManager = "cgroup-manager"
        case config
        case consoleSocket = "console-socket"
        case cpuBurst = "cpu-burst"
        case cpuIdle = "cpu-idle"
        case cpuPeriod = "cpu-period"
        case cpuQuota = "cpu-quota"
        case cpuRtPeriod = "cpu-rt-period"
        case cpuRtRuntime = "cpu-rt-runtime"
        case cpuShare = "cpu-share"
        case cpusetCpus = "cpuset-cpus"
        case cpusetMems = "cpuset-mems"
        case cwd
        case debug
        case detach
        case emptyNs = "empty-ns"
        case env
        case extUnixSk = "ext-unix-sk"
        case file
        case fileLocks = "file-locks"
        case force
        case format
        case help
        case ignorePaused = "ignore-paused"
        case imagePath = "image-path"
        case interval
        case keep
        case kernelMemory = "kernel-memory"
        case kernelMemoryTcp = "kernel-memory-tcp"
        case l3CacheSchema = "l3-cache-schema"
        case lazyPages = "lazy-pages"
        case leaveRunning = "leave-running"
        case linkRemap = "link-remap"
        case log
        case logFormat = "log-format"
        case logLevel = "log-level"
        case lsmMountContext = "lsm-mount-context"
        case lsmProfile = "lsm-profile"
        case manageCgroupsMode = "manage-cgroups-mode"
        case memBwSchema = "mem-bw-schema"
        case memory
        case memoryReservation = "memory-reservation"
        case memorySwap = "memory-swap"
        case noNewKeyring = "no-new-keyring"
        case noNewPrivs = "no-new-privs"
        case noPivot = "no-pivot"
        case noSubreaper = "no-subreaper"
        case pageServer = "page-server"
        case parentPath = "parent-path"
        case pidFile = "pid-file"
        case pidfdSocket = "pidfd-socket"
        case pidsLimit = "pids-limit"
        case preDump = "pre-dump"
        case preserveFds = "preserve-fds"
        case process
        case processLabel = "process-label"
        case quiet
        case regex
        case resources
        case root
        case rootless
        case shellJob = "shell-job"
        case stats
        case statusFd = "status-fd"
        case systemdCgroup = "systemd-cgroup"
        case tcpEstablished = "tcp-established"
        case tcpSkipInFlight = "tcp-skip-in-flight"
        case trace
        case tty
        case user
        case version
        case workPath = "work-path"
    }
}
