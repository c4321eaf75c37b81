import Diagnosis
import Glibc
import Kernel
import MonitorProtocol

extension Monitor {
    /// Takes those that have ended, up to ``reapLimit``.
    func reap() {
        for _ in 0..<Self.reapLimit {
            guard let (pid, status) = ProcessControl.reapOne() else {
                hasMoreToReap = false
                return
            }
            let time = Timestamp.now()
            if let job = jobs.removeValue(forKey: pid) {
                finish(job, status)
                if !jobs.values.contains(where: \.leavesProcess) { strays = [:] }
            } else if let process = processes.removeValue(forKey: pid) {
                finish(process, status, time)
            } else if let container = containers.values.first(where: { $0.pid == pid && $0.end == nil }) {
                ended(container, status, time)
            } else if pid == pause {
                pause = 0
            } else if jobs.values.contains(where: \.leavesProcess) {
                strays[pid] = (status, time)
            }
        }
    }

    func ended(_ container: Container, _ status: ExitStatus, _ time: Timestamp) {
        container.end = (status, time)
        container.input = nil
        container.closeTerminal()
        guard let orders else { return tell(container) }
        container.drainDeadline = Poll.now() + Self.drainGrace
        orders.post(.drain(key: container.key))
    }

    /// Its end: into the file, and then to those who want to know.
    func tell(_ container: Container) {
        container.drainDeadline = nil
        guard container.report == nil, let end = container.end else { return }
        let report = ExitReport(id: container.id, pid: container.pid, end.status, finishedAt: end.time)
        container.report = report
        record(container)
        announce(report)
        for asker in container.waiters { reply(asker, .exited(report)) }
        container.waiters = []
    }

    func exitPath(_ container: Container) -> String { "\(options.state)/exits/\(container.id)" }

    /// What cannot be written now, for want of space say, is tried again when somebody lists the containers. Until
    /// then only this process knows.
    func record(_ container: Container) {
        guard let report = container.report, !container.isRecorded else { return }
        container.isRecorded =
            (try? FileTree.replace(exitPath(container), with: report.json, mode: 0o600)) != nil
    }
}
