import CKernel
import CStage
import Diagnosis
import Glibc
import OCISpec

extension Compiler {
    /// Whether a runtime without CAP_SYS_PTRACE has to do with what only the process itself, or who may trace it, may
    /// touch: the files of its /proc directory, and its namespaces (ptrace(2), "Ptrace access mode checking"). The
    /// stage was exec'd outside, so not even the owner of its user namespace may while it is not dumpable.
    private var mustShowItself: Bool {
        let mayTrace: UInt64 = 1 << 19  // CAP_SYS_PTRACE
        return facts.ownCapabilities & mayTrace == 0 && config.namespace(.user) != nil
    }

    /// Dumpable from here on, for a runtime that must look. Others who could trace it then are to find nothing of the
    /// host's in it. A filter that is in force already may deny it: then hooks and `exec` have to wait for the start.
    mutating func showItself() {
        guard mustShowItself else { return }
        builder.call(
            PLAN_CALL_prctl, (UInt64(PR_SET_DUMPABLE), 1, 0), tolerating: [EPERM, EACCES, ENOSYS], .runtime,
            "let the runtime look at the process")
    }

    /// And not any more.
    mutating func hideItself() {
        guard mustShowItself else { return }
        builder.call(
            PLAN_CALL_prctl, (UInt64(PR_SET_DUMPABLE), 0, 0), .runtime, "let nobody look at the process")
    }

    /// Before a wait of any length: descriptors of the host's are closed, and the runtime may look.
    mutating func strip() {
        builder.step(Operation(PLAN_STRIP), .runtime, "close what is not needed any more")
        showItself()
    }
}
