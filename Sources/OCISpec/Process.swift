/// config.md, "Process": what to execute in the container, and as whom.
public struct Process: Equatable, Sendable {
    public var terminal = false
    public var consoleSize: ConsoleSize?
    public var cwd: String
    public var env: [String] = []
    public var args: [String] = []
    public var user = User()
    public var capabilities: CapabilitySets?
    public var rlimits: [RLimit] = []
    public var noNewPrivileges = false
    public var apparmorProfile: String?
    public var selinuxLabel: String?
    public var oomScoreAdj: Int?
    public var scheduler: Scheduler?
    public var ioPriority: IOPriority?
    public var execCPUAffinity: CPUAffinity?

    public init(cwd: String) { self.cwd = cwd }
}

/// In characters.
public struct ConsoleSize: Equatable, Sendable {
    public var height: UInt16
    public var width: UInt16
    public init(height: UInt16, width: UInt16) {
        self.height = height
        self.width = width
    }
}

public struct User: Equatable, Sendable {
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    public var umask: UInt32?
    public var additionalGids: [UInt32] = []
    public init() {}
}

/// Capability names as written (`CAP_CHOWN`); which of them exist is for the host to say.
public struct CapabilitySets: Equatable, Sendable {
    public var bounding: [String] = []
    public var effective: [String] = []
    public var inheritable: [String] = []
    public var permitted: [String] = []
    public var ambient: [String] = []
    public init() {}
}

public struct RLimit: Equatable, Sendable {
    /// The resources of getrlimit(2) that Linux knows.
    public enum Resource: String, CaseIterable, Sendable {
        case RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK,
            RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO,
            RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK
    }
    public var type: Resource
    public var soft: UInt64
    public var hard: UInt64
    public init(type: Resource, soft: UInt64, hard: UInt64) {
        self.type = type
        self.soft = soft
        self.hard = hard
    }
}

public struct Scheduler: Equatable, Sendable {
    public enum Policy: String, CaseIterable, Sendable {
        case SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_ISO, SCHED_IDLE, SCHED_DEADLINE
    }
    public enum Flag: String, CaseIterable, Sendable {
        case SCHED_FLAG_RESET_ON_FORK, SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY,
            SCHED_FLAG_KEEP_PARAMS, SCHED_FLAG_UTIL_CLAMP_MIN, SCHED_FLAG_UTIL_CLAMP_MAX
    }
    public var policy: Policy
    public var nice: Int32?
    public var priority: Int32?
    public var flags: [Flag] = []
    /// Nanoseconds, as `deadline` and `period`.
    public var runtime: UInt64?
    public var deadline: UInt64?
    public var period: UInt64?
    public init(policy: Policy) { self.policy = policy }
}

public struct IOPriority: Equatable, Sendable {
    public enum Class: String, CaseIterable, Sendable {
        case IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE
    }
    public var `class`: Class
    public var priority: Int
    public init(class: Class, priority: Int) {
        self.class = `class`
        self.priority = priority
    }
}

/// CPU lists such as `0-3,7`.
public struct CPUAffinity: Equatable, Sendable {
    public var initial: String?
    public var final: String?
    public init() {}
}
