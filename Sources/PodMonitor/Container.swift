import Kernel
import MonitorProtocol

/// A container that its runtime has created.
final class Container {
    let id: String
    let pid: Int32
    /// What the logs' thread calls it.
    let key: UInt64
    /// The writing end of its standard input.
    var input: FileDescriptor?
    /// The master of its terminal, of which the logs' thread has another descriptor.
    private var terminal: FileDescriptor?
    /// The terminal itself: a container may close it for a moment, which is not the end of its output.
    private var terminalPeer: FileDescriptor?
    private(set) var terminalNumber: Int32?
    /// Set when it has been reaped.
    var end: (status: ExitStatus, time: Timestamp)?
    /// Set when its end has been told.
    var report: ExitReport?
    /// Whether the report is in its file.
    var isRecorded = false
    /// When its end is told whether or not its output is in the log: milliseconds of ``Poll/now()``.
    var drainDeadline: Int?
    /// Who waits for its end.
    var waiters: [Asker] = []
    /// Who waits for its log to be opened anew, the first one first.
    var reopeners: [Asker] = []

    init(id: String, pid: Int32, key: UInt64) {
        self.id = id
        self.pid = pid
        self.key = key
    }

    func keepTerminal(_ master: consuming FileDescriptor) {
        terminalNumber = master.number
        terminalPeer = try? Terminal.openPeer(ofMaster: master.number)
        terminal = consume master
    }

    func closeTerminal() {
        terminalNumber = nil
        terminal = nil
        terminalPeer = nil
    }
}

/// A process of `exec`, and its asker.
final class ExecProcess {
    let pid: Int32
    let asker: Asker
    /// Milliseconds of ``Poll/now()``.
    let deadline: Int?
    /// Why it was killed.
    var verdict: Verdict?

    init(pid: Int32, asker: Asker, deadline: Int?, verdict: Verdict?) {
        self.pid = pid
        self.asker = asker
        self.deadline = deadline
        self.verdict = verdict
    }
}

/// Why the monitor has killed something before its time.
enum Verdict {
    case timedOut, cancelled

    func failure(_ what: String) -> MonitorFailure {
        switch self {
        case .timedOut: MonitorFailure(.timedOut, "\(what): timed out")
        case .cancelled: MonitorFailure(.cancelled, "\(what): cancelled")
        }
    }
}
