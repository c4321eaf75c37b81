import Cgroups
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

/// Takes away what is left of a container whose init process has ended or is to end.
struct Teardown {
    let record: ContainerRecord
    let directory: StateDirectory
    /// What becomes of the cgroup.
    enum CgroupEnd {
        case remove
        /// The container came to nothing: only these directories go, which were made for it.
        case discard([String])
        /// There is none yet.
        case leave
    }
    var cgroup = CgroupEnd.remove
    /// Whether poststop hooks are due.
    var runsHooks = true
    var trace: Trace?

    /// Removes processes, cgroup and state directory, then runs the poststop hooks.
    ///
    /// - Returns: what went wrong without keeping the rest from being done: a poststop hook's failure is a
    ///   warning (runtime.md, "Lifecycle", step 13).
    func run() -> [String] {
        var complaints: [String] = []
        trace?.begin("remove its processes and cgroup")
        do throws(Failure) {
            switch cgroup {
            case .remove:
                if !record.cgroup.removeIfEmpty() {
                    // What shares the pid namespace with others outlives the init process.
                    try record.killAll()
                    try record.cgroup.remove()
                }
            case .discard(let directories): try record.cgroup.discard(directories)
            case .leave: if record.cgroup.isEmpty { try record.killAll() }
            }
        } catch {
            complaints.append("\(error)")
        }
        do throws(Failure) {
            try record.intelRdt?.remove()
        } catch {
            complaints.append("\(error)")
        }
        trace?.next("remove the state directory")
        do throws(Failure) {
            try directory.remove()
        } catch {
            complaints.append("\(error)")
        }
        trace?.end()
        if runsHooks && !record.poststopHooks.isEmpty {
            let depth = trace?.depth ?? 0
            do throws(Failure) {
                record.enterBundle()
                try HookRunner(kind: .poststop, state: record.state(.stopped), trace: trace)
                    .run(record.poststopHooks)
            } catch {
                trace?.fail(error, leaving: depth)
                complaints.append("\(error)")
            }
        }
        return complaints
    }
}
