import Diagnosis
import Glibc
import Kernel

extension Stage {
    /// Passes signals on to the process, and reaps children, until the process has ended.
    func attend(_ signals: borrowing SignalQueue) throws(Failure) -> ExitStatus {
        while true {
            // Before waiting: the process may have ended before its SIGCHLD could be seen here.
            while let (pid, status) = ProcessControl.reapOne() {
                if pid == self.pid {
                    noteEnd(status)
                    return status
                }
            }
            let next: Int32
            do throws(SystemError) {
                next = try signals.next()
            } catch {
                throw Failure(.runtime, error)
            }
            switch next {
            case SIGCHLD, SIGWINCH, SIGURG: continue
            default: signal(next)
            }
        }
    }
}
