import CSeccomp
import Diagnosis
import OCISpec

/// What the running kernel can do with a filter. A value, so that a profile can be compiled for any
/// kernel; `detect()` asks this one.
public struct SeccompHost: Equatable, Sendable {
    /// Filters can be installed at all (`CONFIG_SECCOMP_FILTER`, and seccomp(2), Linux 3.17).
    public var isAvailable: Bool
    /// The actions a filter may return, in the order of all cases.
    public var actions: [SeccompProfile.Action]
    /// The flags a profile may ask for, in the order of all cases.
    public var flags: [SeccompProfile.Flag]

    public init(
        isAvailable: Bool = true, actions: [SeccompProfile.Action], flags: [SeccompProfile.Flag]
    ) {
        self.isAvailable = isAvailable
        self.actions = actions
        self.flags = flags
    }

    /// Every action and flag that this library can compile.
    public static let complete = SeccompHost(
        actions: SeccompProfile.Action.allCases, flags: SeccompProfile.Flag.allCases)

    /// The kernel this process runs on, by seccomp(2) calls that install nothing.
    public static func detect() -> SeccompHost {
        guard apus_seccomp_probe_flags(0) == EFAULT else {
            return SeccompHost(isAvailable: false, actions: [], flags: [])
        }
        // The others are of Linux 3.17, the first kernel with seccomp(2); SECCOMP_GET_ACTION_AVAIL is of 4.14.
        let actions = SeccompProfile.Action.allCases.filter { action in
            switch action {
            case .SCMP_ACT_KILL_PROCESS: apus_seccomp_probe_action(Verdict.killProcess.rawValue) == 0
            case .SCMP_ACT_LOG: apus_seccomp_probe_action(Verdict.log.rawValue) == 0
            case .SCMP_ACT_NOTIFY: apus_seccomp_probe_action(Verdict.notify.rawValue) == 0
            default: true
            }
        }
        var flags: [SeccompProfile.Flag] = []
        for flag in SeccompProfile.Flag.allCases {
            // The kernel refuses a flag of listeners to a filter without one.
            let needed = flag.isOfListeners ? SeccompFilter.newListener : 0
            if apus_seccomp_probe_flags(flag.rawFlag | needed) == EFAULT { flags.append(flag) }
        }
        return SeccompHost(actions: actions, flags: flags)
    }
}

extension SeccompHost {
    func requireFilters(at pointer: Pointer) throws(Failure) {
        guard isAvailable else {
            throw Failure(at: pointer, "seccomp: config provided but seccomp not supported")
        }
    }
}

extension SeccompProfile.Flag {
    /// Whether it says how a listener is served, and nothing where there is none.
    var isOfListeners: Bool { self == .SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV }

    /// The release of Linux that brought it.
    var firstKernel: String {
        switch self {
        case .SECCOMP_FILTER_FLAG_TSYNC: "3.17"
        case .SECCOMP_FILTER_FLAG_LOG: "4.14"
        case .SECCOMP_FILTER_FLAG_SPEC_ALLOW: "4.17"
        case .SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: "5.19"
        }
    }

    /// The bit of seccomp(2).
    var rawFlag: UInt32 {
        switch self {
        case .SECCOMP_FILTER_FLAG_TSYNC: UInt32(CSeccomp.SECCOMP_FILTER_FLAG_TSYNC)
        case .SECCOMP_FILTER_FLAG_LOG: UInt32(CSeccomp.SECCOMP_FILTER_FLAG_LOG)
        case .SECCOMP_FILTER_FLAG_SPEC_ALLOW: UInt32(CSeccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW)
        case .SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: UInt32(CSeccomp.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        }
    }
}
