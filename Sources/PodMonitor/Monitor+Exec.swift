import Diagnosis
import Glibc
import Kernel
import MonitorProtocol

extension Monitor {
    func exec(
        _ execution: Execution, _ descriptors: PassedDescriptors, _ asker: Asker
    ) throws(MonitorFailure) {
        try MonitorFailure.removing(execution.pidFile)
        let (input, output) = (descriptors.number(0), descriptors.number(1))
        try start(
            execution.command, .exec(execution), asker, input: input, output: output,
            errors: descriptors.number(2))
        descriptors.close()
    }

    /// The runtime has ended, and has left the process behind.
    func finish(_ execution: Execution, _ job: Job, _ status: ExitStatus) throws(MonitorFailure) {
        defer { try? FileTree.unlink(execution.pidFile) }
        do throws(MonitorFailure) {
            try checkSuccess(job, status, "exec", log: execution.runtimeLog)
        } catch {
            // One that was killed may have got as far as that.
            if let pid = try? readPid(execution.pidFile), ProcessControl.isChild(pid) {
                try? ProcessControl.signal(pid: pid, SIGKILL)
            }
            throw error
        }
        let pid = try readPid(execution.pidFile)
        let process = ExecProcess(
            pid: pid, asker: job.asker, deadline: job.deadline, verdict: job.verdict)
        if let end = try endOf(pid) { return finish(process, end.status, end.time) }
        processes[pid] = process
        // Nobody may be there any more to be told.
        if !job.asker.connection.isOpen { end(process, .cancelled) }
    }

    /// The process has ended.
    func finish(_ process: ExecProcess, _ status: ExitStatus, _ time: Timestamp) {
        if let verdict = process.verdict {
            return reply(process.asker, .failed(verdict.failure("exec")))
        }
        let report = ExitReport(id: "", pid: process.pid, status, finishedAt: time)
        reply(process.asker, .executed(report))
    }

    /// Kills it; it is answered when it has been reaped.
    func end(_ process: ExecProcess, _ verdict: Verdict) {
        if process.verdict == nil { process.verdict = verdict }
        try? ProcessControl.signal(pid: process.pid, SIGKILL)
    }
}
