import CKernel
import Diagnosis

/// How the kernel shares processors and disks between processes.
public struct Scheduling: Equatable, Sendable {
    /// SCHED_*, by number.
    public var policy: UInt32
    /// SCHED_FLAG_*.
    public var flags: UInt64 = 0
    public var nice: Int32 = 0
    public var priority: UInt32 = 0
    /// Nanoseconds, as `deadline` and `period`.
    public var runtime: UInt64 = 0
    public var deadline: UInt64 = 0
    public var period: UInt64 = 0

    public init(policy: UInt32) { self.policy = policy }

    /// sched_setattr(2).
    public func apply(to pid: Int32, name: String) throws(SystemError) {
        var wanted = apus_scheduling(
            policy: policy, nice: nice, priority: priority, flags: flags, runtime: runtime,
            deadline: deadline, period: period)
        _ = try system("schedule process \(pid) by \(name)") { apus_sched_setattr(pid, &wanted) }
    }
}

extension ProcessControl {
    /// ioprio_set(2) of one process: IOPRIO_CLASS_* by number, and the level in it.
    public static func setIOPriority(
        pid: Int32, class kind: Int32, level: Int32, name: String
    ) throws(SystemError) {
        // The class stands in the top three bits of sixteen.
        _ = try system("give process \(pid) the I/O priority \(name)") {
            apus_ioprio_set(pid, kind << 13 | level)
        }
    }
}
