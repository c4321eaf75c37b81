import CStage
import Diagnosis
import Glibc
import LaunchPlan

extension Plan.Step {
    /// What can be done where the kernel has one number for many reasons.
    func remedy(for errno: Errno?) -> String? {
        switch (plan_opcode(op.code), errno) {
        case (PLAN_MEMORY_POLICY, Errno(EINVAL)):
            "at least one node has to have memory and be in the container's cpuset;"
                + " MPOL_F_NUMA_BALANCING takes MPOL_BIND and Linux 5.12, MPOL_PREFERRED_MANY Linux 5.15,"
                + " MPOL_WEIGHTED_INTERLEAVE Linux 6.9"
        case (PLAN_MEMORY_POLICY, Errno(ENOSYS)): "it takes a kernel with CONFIG_NUMA"
        default: nil
        }
    }
}
