import Diagnosis
import Dispatch
import Glibc
import Kernel

/// PID 1 of a pod's shared pid namespace, whose monitor has gone without ending it.
enum OrphanedPause {
    /// Kills the process that is PID 1 of a namespace, and with it all that is in there. Does nothing if it has gone.
    ///
    /// It is looked for by the namespace, which nobody else can have: its number may be another's by now.
    ///
    /// - Parameter path: where the namespace is pinned; it need not be.
    /// - Throws: ETIMEDOUT if it does not die.
    static func end(pinnedAt path: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            DispatchQueue(label: "apus-cri.pause").async {
                continuation.resume(with: Result { try find(path) })
            }
        }
    }

    /// CLONE_NEWPID of sched.h, which Glibc does not tell of.
    private static let cloneNewPID: Int32 = 0x2000_0000

    private static func find(_ path: String) throws(SystemError) {
        guard let pin = try? FileDescriptor.open(path, O_RDONLY), NamespaceFile.type(of: pin) == cloneNewPID
        else { return }
        for name in try FileTree.list("/proc") {
            // The process first: what is looked at after that is its own, or it is dead.
            guard let pid = Int32(name), let process = try? ProcessControl.open(pid: pid),
                let namespace = try? NamespaceFile.open("pid", ofProcess: pid),
                (try? NamespaceFile.areSame(pin, namespace)) == true, ProcessControl.innerPID(of: pid) == 1
            else { continue }
            try kill(process)
        }
    }

    private static func kill(_ process: borrowing FileDescriptor) throws(SystemError) {
        // It may have died meanwhile.
        try? ProcessControl.signal(process, SIGKILL)
        // It waits for all others in there to die.
        guard try Poll.readable([process.number], timeout: Int(TimeLimits.milliseconds(TimeLimits.answer)))[0]
        else { throw SystemError("end the pod's PID 1", Errno(ETIMEDOUT)) }
    }
}
