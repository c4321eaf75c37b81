import Diagnosis
import Kernel
import LaunchPlan
import OCISpec

extension Stage {
    /// What a plan has the runtime do to the process itself, while it waits.
    func adjust(_ action: Plan.Action) throws(Failure) {
        switch action {
        case .adjustOOMScore(let value):
            try Failure.blaming(.config("/process/oomScoreAdj")) { () throws(SystemError) in
                try FileTree.write(String(value), to: "/proc/\(pid)/oom_score_adj")
            }
        case .setLimits(let limits, let pointer):
            for (position, limit) in limits.enumerated() {
                try Failure.blaming(.config(pointer.index(position))) { () throws(SystemError) in
                    try ProcessControl.setLimit(
                        pid: pid, resource: limit.type.number, name: limit.type.rawValue,
                        soft: limit.soft, hard: limit.hard)
                }
            }
        case .setAffinity(let cpus, let pointer):
            try setAffinity(pid: pid, cpus, pointer)
        case .setIOPriority(let priority, let pointer):
            try priority.apply(to: pid, pointer)
        case .setScheduler(let scheduler, let pointer):
            try scheduler.apply(to: pid, pointer)
        case .giveStandardDescriptors(let uid, let gid):
            for number in Int32(0)...2 { StandardDescriptors.give(number, to: uid, gid) }
        case .joinCgroup, .mapIDs, .moveNetDevices, .runHooks, .joinResctrl, .passListener, .record, .created:
            break
        }
    }
}

/// sched_setaffinity(2) with a list of CPUs such as `0-3,7`.
func setAffinity(pid: Int32, _ list: String, _ pointer: Pointer) throws(Failure) {
    // More than any kernel can have: CONFIG_NR_CPUS ends at 8192.
    let highest: UInt32 = 65_535
    var cpus: Set<UInt32> = []
    for range in NumberList(list)?.ranges ?? [] { cpus.formUnion(range.clamped(to: 0...highest)) }
    guard !cpus.isEmpty else { return }
    try Failure.blaming(.config(pointer)) { () throws(SystemError) in
        try ProcessControl.setAffinity(pid: pid, cpus: cpus)
    }
}
