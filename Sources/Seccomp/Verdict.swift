import CSeccomp
import Diagnosis
import OCISpec

/// What a filter returns for a system call: a `SECCOMP_RET_` action in the upper half, its data in the
/// lower one (seccomp(2)).
struct Verdict: Hashable {
    var rawValue: UInt32

    static let killProcess = Verdict(rawValue: UInt32(SECCOMP_RET_KILL_PROCESS))
    static let killThread = Verdict(rawValue: UInt32(SECCOMP_RET_KILL_THREAD))
    static let trap = Verdict(rawValue: UInt32(SECCOMP_RET_TRAP))
    static let log = Verdict(rawValue: UInt32(SECCOMP_RET_LOG))
    static let notify = Verdict(rawValue: UInt32(SECCOMP_RET_USER_NOTIF))
    static let allow = Verdict(rawValue: UInt32(SECCOMP_RET_ALLOW))
    static func error(_ number: UInt32) -> Verdict {
        Verdict(rawValue: UInt32(SECCOMP_RET_ERRNO) | number & 0xffff)
    }
    static func trace(_ message: UInt32) -> Verdict {
        Verdict(rawValue: UInt32(SECCOMP_RET_TRACE) | message & 0xffff)
    }
    static let notImplemented = error(UInt32(ENOSYS))

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The verdict of `action` with the profile's `errnoRet`, EPERM if that is absent.
    ///
    /// The object at `pointer` holds both, under the names given: a rule has `action` and `errnoRet`,
    /// the profile `defaultAction` and `defaultErrnoRet`.
    ///
    /// - Throws: a `Failure` for an action the kernel lacks, a number the action cannot carry, and a
    ///   number with an action that takes none (config-linux.md: "MUST print and error and fail").
    init(
        _ action: SeccompProfile.Action, _ errnoRet: UInt32?, host: SeccompHost, at pointer: Pointer,
        _ actionKey: String, _ errnoKey: String
    ) throws(Failure) {
        if !host.actions.contains(action) {
            throw Failure(
                at: pointer.key(actionKey), "the kernel does not know \(action.rawValue)",
                remedy: "it came with Linux \(action == .SCMP_ACT_NOTIFY ? "5.0" : "4.14")")
        }
        if let errnoRet {
            let largest: UInt32
            switch action {
            // libseccomp takes no more than this, one less than the kernel's MAX_ERRNO.
            case .SCMP_ACT_ERRNO: largest = 4094
            case .SCMP_ACT_TRACE: largest = 0xffff
            default:
                throw Failure(at: pointer.key(errnoKey), "\(action.rawValue) takes no errno value")
            }
            if errnoRet > largest {
                throw Failure(
                    at: pointer.key(errnoKey), "\(errnoRet) is too large for \(action.rawValue)",
                    remedy: "the largest value is \(largest)")
            }
        }
        let number = errnoRet ?? UInt32(EPERM)
        switch action {
        case .SCMP_ACT_KILL, .SCMP_ACT_KILL_THREAD: self = .killThread
        case .SCMP_ACT_KILL_PROCESS: self = .killProcess
        case .SCMP_ACT_TRAP: self = .trap
        case .SCMP_ACT_ERRNO: self = .error(number)
        case .SCMP_ACT_TRACE: self = .trace(number)
        case .SCMP_ACT_ALLOW: self = .allow
        case .SCMP_ACT_LOG: self = .log
        case .SCMP_ACT_NOTIFY: self = .notify
        }
    }

    /// Whether the call may take place: in full, or as a tracer decides, who is taken to know more
    /// calls than the profile.
    var isPermissive: Bool {
        let action = rawValue & UInt32(SECCOMP_RET_ACTION_FULL)
        return self == .allow || self == .log || action == UInt32(SECCOMP_RET_TRACE)
    }
}
