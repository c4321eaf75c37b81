import Diagnosis
import Glibc
import Kernel
import MonitorProtocol

extension Monitor {
    /// Runs a command that leaves nothing behind.
    func run(_ command: RuntimeCommand, _ asker: Asker) throws(MonitorFailure) {
        try start(command, .run, asker, input: nil, output: nil, errors: nil)
    }

    func cancel(_ number: UInt32, _ asker: Asker) throws(MonitorFailure) {
        func isMeant(_ other: Asker) -> Bool {
            other.connection === asker.connection && other.number == number
        }
        if let job = jobs.values.first(where: { isMeant($0.asker) }) {
            end(job, .cancelled)
        } else if let process = processes.values.first(where: { isMeant($0.asker) }) {
            end(process, .cancelled)
        } else {
            throw MonitorFailure(.invalid, "request \(number) has been answered, or runs nothing")
        }
        reply(asker, .done)
    }

    /// Starts a runtime.
    ///
    /// - Parameters:
    ///   - input: what it gets; `nil` is the null device, which must not become a container's.
    ///   - output: the same; for `run` and a terminal's `create`, `nil` is a pipe to be read here.
    func start(
        _ command: RuntimeCommand, _ purpose: Job.Purpose, _ asker: Asker, input: Int32?, output: Int32?,
        errors: Int32?, captures taken: (output: Capture, errors: Capture)? = nil
    ) throws(MonitorFailure) {
        if isLeaving { throw MonitorFailure(.busy, "the monitor leaves") }
        let isTaken = jobs.values.contains {
            $0.asker.connection === asker.connection && $0.asker.number == asker.number
        }
        if isTaken {
            throw MonitorFailure(.invalid, "there is another request with the number \(asker.number)")
        }
        try MonitorFailure.blaming { () throws(SystemError) in
            let null = try FileDescriptor.open("/dev/null", O_RDWR)
            var captures = taken
            var ends: (output: PipeEnds, errors: PipeEnds)?
            if purpose.capturesOutput, captures == nil {
                let (output, errors) = (try PipeEnds(), try PipeEnds())
                captures = (
                    try Capture(output, limit: Wire.outputTailLimit),
                    try Capture(errors, limit: Wire.errorTailLimit)
                )
                ends = (output, errors)
            }
            let outputNumber = output ?? ends?.output.writeNumber ?? null.number
            let errorNumber = errors ?? ends?.errors.writeNumber ?? null.number
            let inputNumber = input ?? null.number
            let program = command.arguments[0]
            // What can fail comes before the process: nobody would know of one that is left by a failure.
            try watch([captures?.output, captures?.errors])
            let child: Child
            do throws(SystemError) {
                child = try score.lifted { () throws(SystemError) in
                    try Child.spawn(
                        program, arguments: command.arguments, environment: command.environment,
                        input: inputNumber, output: outputNumber, errors: errorNumber)
                }
            } catch {
                ignore([captures?.output, captures?.errors])
                throw error
            }
            jobs[child.pid] = Job(
                pid: child.pid, purpose, asker: asker,
                deadline: command.timeLimit == 0 ? nil : Poll.now() + Int(command.timeLimit),
                output: captures?.output, errors: captures?.errors)
        }
    }

    /// All of them, or none.
    private func watch(_ captures: [Capture?]) throws(SystemError) {
        for case let capture? in captures {
            guard let number = capture.number else { continue }
            do throws(SystemError) {
                try queue.watch(number)
            } catch {
                ignore(captures)
                throw error
            }
            self.captures[number] = capture
        }
    }

    private func ignore(_ captures: [Capture?]) {
        for case let capture? in captures {
            guard let number = capture.number, self.captures.removeValue(forKey: number) != nil else {
                continue
            }
            queue.ignore(number)
        }
    }

    /// Kills it; it is answered when it has been reaped.
    func end(_ job: Job, _ verdict: Verdict) {
        if job.verdict == nil { job.verdict = verdict }
        try? ProcessControl.signal(pid: job.pid, SIGKILL)
    }

    /// A runtime has ended.
    func finish(_ job: Job, _ status: ExitStatus) {
        // Descendants may hold the pipes open: what the runtime has written is there now.
        ignore([job.output, job.errors])
        job.output?.read()
        job.errors?.read()
        do throws(MonitorFailure) {
            switch job.purpose {
            case .run:
                if job.verdict == .cancelled { throw Verdict.cancelled.failure("the command") }
                let signal: Int32 = if case .killed(let signal) = status { signal } else { 0 }
                reply(
                    job.asker,
                    .ran(
                        CommandOutcome(
                            status: status.shellStatus, signal: signal,
                            isTimedOut: job.verdict == .timedOut,
                            output: job.output?.tail ?? [], errors: job.errors?.tail ?? [])))
            case .create(let birth): try finish(birth, job, status)
            case .exec(let execution): try finish(execution, job, status)
            }
        } catch {
            reply(job.asker, .failed(error))
        }
    }

    /// The runtime's complaint, if it has failed.
    func checkSuccess(
        _ job: Job, _ status: ExitStatus, _ what: String, log: String?
    ) throws(MonitorFailure) {
        let words = RuntimeWords.text(log: log, errors: job.errors?.tail ?? [])
        if let verdict = job.verdict {
            var failure = verdict.failure(what)
            if !words.isEmpty { failure.text += ": \(words)" }
            throw failure
        }
        if status == .exited(0) { return }
        let fallback = "\(what): the runtime ended with status \(status.shellStatus) and no word"
        throw MonitorFailure(.runtime, words.isEmpty ? fallback : words, status: status.shellStatus)
    }

    /// The pid in a file that a runtime has written.
    func readPid(_ path: String) throws(MonitorFailure) -> Int32 {
        guard let text = try? FileTree.readText(path), let pid = Int32(text), pid > 0 else {
            throw MonitorFailure(.runtime, "the runtime has left no pid in \(path)")
        }
        return pid
    }

    /// How a process ended that a runtime has left behind, if it has; `nil` as long as it lives.
    func endOf(_ pid: Int32) throws(MonitorFailure) -> (status: ExitStatus, time: Timestamp)? {
        // If it can be waited for it is the one, whoever had the pid before.
        if ProcessControl.isChild(pid) { return nil }
        if let end = strays.removeValue(forKey: pid) { return end }
        throw MonitorFailure(
            .runtime, "process \(pid) of the runtime's pid file is not the monitor's to wait for")
    }
}
