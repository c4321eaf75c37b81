import Diagnosis
import Glibc
import Kernel
import MonitorProtocol

extension Monitor {
    func create(_ creation: Creation, _ asker: Asker) throws(MonitorFailure) {
        if containers[creation.id] != nil || isBeingBorn(creation.id) {
            throw MonitorFailure(.containerExists, "there is a container \(creation.id) already")
        }
        try MonitorFailure.removing(creation.pidFile)
        let birth = Birth(creation)
        if let path = creation.log {
            birth.log = try MonitorFailure.blaming { () throws(SystemError) in try LogFile.open(path) }
        }
        if let path = creation.consoleSocket {
            try MonitorFailure.removing(path)
            birth.console = try MonitorFailure.blaming { () throws(SystemError) in
                try ConsoleListener.listen(at: path)
            }
            do throws(MonitorFailure) {
                return try start(
                    creation.command, .create(birth), asker, input: nil, output: nil, errors: nil)
            } catch {
                try? FileTree.unlink(path)
                throw error
            }
        }
        // Which becomes the container's. The host's null device must not.
        let null =
            creation.keepsInput
            ? nil
            : try MonitorFailure.blaming { () throws(SystemError) in
                Input(try NullDevice.open())
            }
        // The ends that the runtime has are closed here when this returns.
        let pipes = try MonitorFailure.blaming { () throws(SystemError) in
            (
                input: creation.keepsInput ? try PipeEnds() : nil, output: try PipeEnds(),
                errors: try PipeEnds()
            )
        }
        birth.input = pipes.input?.takeWrite()
        let captures = try MonitorFailure.blaming { () throws(SystemError) in
            (
                output: try Capture(pipes.output, limit: Wire.outputTailLimit),
                errors: try Capture(pipes.errors, limit: Wire.errorTailLimit)
            )
        }
        try start(
            creation.command, .create(birth), asker, input: pipes.input?.readNumber ?? null?.file.number,
            output: pipes.output.writeNumber, errors: pipes.errors.writeNumber, captures: captures)
        withExtendedLifetime((pipes, null)) {}
    }

    /// Whether a runtime is making the container.
    func isBeingBorn(_ id: String) -> Bool {
        jobs.values.contains { job in
            if case .create(let birth) = job.purpose { return birth.creation.id == id }
            return false
        }
    }

    /// The runtime has ended, and with that the container is there.
    func finish(_ birth: Birth, _ job: Job, _ status: ExitStatus) throws(MonitorFailure) {
        let creation = birth.creation
        // What came there waits at the descriptor.
        if let path = creation.consoleSocket { try? FileTree.unlink(path) }
        try checkSuccess(job, status, "create \(creation.id)", log: creation.runtimeLog)
        let pid = try readPid(creation.pidFile)
        let end = try endOf(pid)
        lastKey += 1
        let container = Container(id: creation.id, pid: pid, key: lastKey)
        do throws(MonitorFailure) {
            let streams = try MonitorFailure.blaming { () throws(SystemError) in
                try startLogs()
                return try self.streams(of: container, birth, job)
            }
            container.input = birth.input.take()
            orders?.post(
                .open(
                    key: container.key, file: birth.log.take()?.release(), path: creation.log ?? "",
                    streams: streams))
        } catch {
            // Nobody would watch over it.
            if end == nil { try? ProcessControl.signal(pid: pid, SIGKILL) }
            throw error
        }
        containers[creation.id] = container
        reply(job.asker, .created(pid: pid))
        if let end { ended(container, end.status, end.time) }
    }

    private func startLogs() throws(SystemError) {
        if orders != nil { return }
        let orders = try Mailbox<LogOrder>()
        try LogWorker.start(orders, news)
        self.orders = orders
    }

    /// What the logs' thread reads from.
    private func streams(
        of container: Container, _ birth: Birth, _ job: Job
    ) throws(SystemError) -> [LogOrder.Stream] {
        if birth.creation.consoleSocket != nil {
            let master = try birth.takeTerminal()
            let copy = try FileDescriptor.duplicate(master.number)
            container.keepTerminal(master)
            return [LogOrder.Stream(number: copy.release(), kind: .stdout, begun: [])]
        }
        var streams: [LogOrder.Stream] = []
        for (capture, kind) in [(job.output, LineCutter.Stream.stdout), (job.errors, .stderr)] {
            guard let capture, let number = capture.takeDescriptor() else { continue }
            streams.append(LogOrder.Stream(number: number, kind: kind, begun: capture.tail))
        }
        return streams
    }
}

/// A descriptor that is held while a runtime is started with it.
private final class Input {
    let file: FileDescriptor

    init(_ file: consuming FileDescriptor) { self.file = file }
}
