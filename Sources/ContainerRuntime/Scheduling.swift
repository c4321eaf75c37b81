import Diagnosis
import Glibc
import Kernel
import OCISpec

extension IOPriority {
    /// The number of the class in the kernel's interface.
    private var number: Int32 {
        switch `class` {
        case .IOPRIO_CLASS_RT: 1
        case .IOPRIO_CLASS_BE: 2
        case .IOPRIO_CLASS_IDLE: 3
        }
    }

    func apply(to pid: Int32, _ pointer: Pointer) throws(Failure) {
        let remedy = `class` == .IOPRIO_CLASS_RT ? "it takes CAP_SYS_NICE or CAP_SYS_ADMIN on the host" : nil
        try Failure.blaming(.config(pointer), remedy: remedy) { () throws(SystemError) in
            try ProcessControl.setIOPriority(
                pid: pid, class: number, level: Int32(clamping: priority), name: `class`.rawValue)
        }
    }
}

extension Scheduler {
    func apply(to pid: Int32, _ pointer: Pointer) throws(Failure) {
        var wanted = Scheduling(policy: policy.number)
        wanted.flags = flags.reduce(0) { $0 | $1.number }
        wanted.nice = nice ?? 0
        wanted.priority = UInt32(clamping: priority ?? 0)
        wanted.runtime = runtime ?? 0
        wanted.deadline = deadline ?? 0
        wanted.period = period ?? 0
        do throws(SystemError) {
            try wanted.apply(to: pid, name: policy.rawValue)
        } catch {
            throw Failure(.config(pointer), error, remedy: remedy(for: error.errno))
        }
    }

    /// sched_setattr(2) has one number for many reasons.
    private func remedy(for errno: Errno) -> String? {
        switch (errno, policy) {
        case (Errno(EPERM), .SCHED_DEADLINE):
            "it takes CAP_SYS_NICE on the host, and a process that may run on all CPUs:"
                + " no cpus in /linux/resources/cpu, no execCPUAffinity"
        case (Errno(EPERM), .SCHED_FIFO), (Errno(EPERM), .SCHED_RR):
            "it takes CAP_SYS_NICE on the host or RLIMIT_RTPRIO, and real-time run time for the cgroup where the"
                + " kernel deals it out (realtimeRuntime in /linux/resources/cpu)"
        case (Errno(EPERM), _):
            "a nice value below the caller's takes CAP_SYS_NICE on the host or RLIMIT_NICE"
        case (Errno(EBUSY), .SCHED_DEADLINE):
            "the CPUs have promised too much of their time already; ask for less runtime in each period"
        case (Errno(EINVAL), .SCHED_DEADLINE):
            "the period has to be between kernel.sched_deadline_period_min_us and _max_us, see sysctl(8)"
        case (Errno(EOPNOTSUPP), _):
            "SCHED_FLAG_UTIL_CLAMP_* take a kernel with CONFIG_UCLAMP_TASK"
        default: nil
        }
    }
}

extension Scheduler.Policy {
    /// SCHED_* of sched(7).
    fileprivate var number: UInt32 {
        switch self {
        case .SCHED_OTHER: 0
        case .SCHED_FIFO: 1
        case .SCHED_RR: 2
        case .SCHED_BATCH: 3
        case .SCHED_ISO: 4
        case .SCHED_IDLE: 5
        case .SCHED_DEADLINE: 6
        }
    }
}

extension Scheduler.Flag {
    fileprivate var number: UInt64 {
        switch self {
        case .SCHED_FLAG_RESET_ON_FORK: 0x01
        case .SCHED_FLAG_RECLAIM: 0x02
        case .SCHED_FLAG_DL_OVERRUN: 0x04
        case .SCHED_FLAG_KEEP_POLICY: 0x08
        case .SCHED_FLAG_KEEP_PARAMS: 0x10
        case .SCHED_FLAG_UTIL_CLAMP_MIN: 0x20
        case .SCHED_FLAG_UTIL_CLAMP_MAX: 0x40
        }
    }
}
