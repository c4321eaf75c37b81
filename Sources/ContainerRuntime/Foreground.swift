import Diagnosis
import Glibc
import Kernel

/// A process that the runtime stays with: its child.
protocol Attended: AnyObject {
    var pid: Int32 { get }
    func signal(_ signal: Int32)
    /// Told how it ended.
    func noteEnd(_ status: ExitStatus)
}

extension Stage: Attended {}

extension Attended {
    /// Passes signals on to the process, and reaps children, until the process has ended.
    ///
    /// - Parameters:
    ///   - onResize: told of SIGWINCH, which the process hears of by its own terminal.
    ///   - meanwhile: what else there is to do until there is something to read from this descriptor.
    func attend(
        _ signals: borrowing SignalQueue, onResize: () -> Void = {},
        meanwhile: (Int32) throws(SystemError) -> Void
    ) throws(Failure) -> ExitStatus {
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
                try meanwhile(signals.descriptor.number)
                next = try signals.next()
            } catch {
                throw Failure(.runtime, error)
            }
            switch next {
            case SIGWINCH: onResize()
            case SIGCHLD, SIGURG: continue
            default: signal(next)
            }
        }
    }
}
