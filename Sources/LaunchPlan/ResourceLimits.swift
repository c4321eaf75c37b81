import Glibc
import OCISpec

extension RLimit.Resource {
    /// RLIMIT_*, as prlimit(2) wants it. asm-generic's order, with the exceptions of the headers.
    public var number: Int32 {
        switch self {
        case .RLIMIT_AS: Int32(Glibc.RLIMIT_AS.rawValue)
        case .RLIMIT_CORE: Int32(Glibc.RLIMIT_CORE.rawValue)
        case .RLIMIT_CPU: Int32(Glibc.RLIMIT_CPU.rawValue)
        case .RLIMIT_DATA: Int32(Glibc.RLIMIT_DATA.rawValue)
        case .RLIMIT_FSIZE: Int32(Glibc.RLIMIT_FSIZE.rawValue)
        case .RLIMIT_LOCKS: Int32(__RLIMIT_LOCKS.rawValue)
        case .RLIMIT_MEMLOCK: Int32(__RLIMIT_MEMLOCK.rawValue)
        case .RLIMIT_MSGQUEUE: Int32(__RLIMIT_MSGQUEUE.rawValue)
        case .RLIMIT_NICE: Int32(__RLIMIT_NICE.rawValue)
        case .RLIMIT_NOFILE: Int32(Glibc.RLIMIT_NOFILE.rawValue)
        case .RLIMIT_NPROC: Int32(__RLIMIT_NPROC.rawValue)
        case .RLIMIT_RSS: Int32(__RLIMIT_RSS.rawValue)
        case .RLIMIT_RTPRIO: Int32(__RLIMIT_RTPRIO.rawValue)
        case .RLIMIT_RTTIME: Int32(__RLIMIT_RTTIME.rawValue)
        case .RLIMIT_SIGPENDING: Int32(__RLIMIT_SIGPENDING.rawValue)
        case .RLIMIT_STACK: Int32(Glibc.RLIMIT_STACK.rawValue)
        }
    }
}
