import Diagnosis
import Dispatch
import Glibc
import Kernel

extension Child {
    /// Waits for the end of a process that leads a process group of its own (`apart` of ``spawn``). One that takes too
    /// long is killed, with what it has started.
    ///
    /// - Returns: nil if its time was up.
    /// - Throws: ECHILD if somebody else has reaped it.
    func end(within limit: Duration) throws(SystemError) -> ExitStatus? {
        let milliseconds = Int(TimeLimits.milliseconds(limit))
        guard try Poll.readable([pidfd.number], timeout: milliseconds)[0] else {
            try? ProcessControl.signal(pid: -pid, SIGKILL)
            let pid = pid
            // One that hangs in the kernel dies later, or never: nobody is to wait for that.
            DispatchQueue(label: "apus-cri.reaper").async { _ = ProcessControl.wait(pid: pid) }
            return nil
        }
        guard let status = ProcessControl.wait(pid: pid) else {
            throw SystemError("wait for process \(pid)", Errno(ECHILD))
        }
        return status
    }
}
