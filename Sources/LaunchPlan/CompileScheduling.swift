import Diagnosis
import OCISpec

extension Compiler {
    /// What the runtime does to the scheduling of a process that waits to be let go.
    ///
    /// The runtime does it and not the stage, whose capabilities count for nothing here when they are those of a
    /// user namespace. It comes as late as the two can still talk, when the process
    /// - is in its cgroup: a cgroup without real-time run time admits no real-time process (CONFIG_RT_GROUP_SCHED), and
    ///   its cpuset says how much of SCHED_DEADLINE there is to be had;
    /// - has its limits, of which RLIMIT_NICE and RLIMIT_RTPRIO stand in for CAP_SYS_NICE;
    /// - has its CPUs: those of a SCHED_DEADLINE process cannot be changed;
    /// - forks no more, which SCHED_DEADLINE forbids without SCHED_FLAG_RESET_ON_FORK.
    func schedulingActions(_ process: Process, _ pointer: Pointer) throws(Failure) -> [Plan.Action] {
        var actions: [Plan.Action] = []
        if let priority = process.ioPriority {
            actions.append(.setIOPriority(priority, at: pointer.key("ioPriority")))
        }
        if let scheduler = process.scheduler {
            if scheduler.policy == .SCHED_ISO {
                throw Failure(
                    at: pointer.key("scheduler").key("policy"),
                    "Linux keeps the number of SCHED_ISO free and does not implement it",
                    remedy: "choose another policy")
            }
            actions.append(.setScheduler(scheduler, at: pointer.key("scheduler")))
        }
        return actions
    }
}
