import Diagnosis
import Glibc
import Kernel
import MonitorProtocol

/// The monitor of a pod: one thread that waits for requests and for processes to end, and one for the logs.
final class Monitor {
    /// How long the end of a container is held back until its output is in the log. The kernel gives the end of a
    /// process after its descriptors are closed: only a disk that does not take what is written makes this time pass.
    static let drainGrace = 250

    /// How many ended processes are taken before others have their turn: those of a container in the monitor's own pid
    /// namespace may end as fast as they are reaped.
    static let reapLimit = 64

    /// Milliseconds until somebody is let in again, after want of descriptors or of memory. Until then they wait.
    static let crampedRest = 200

    /// Milliseconds without a request after which the monitor makes itself small.
    static let rest = 1000

    let options: Options
    let queue: EventQueue
    let signals: SignalQueue
    let listener: FileDescriptor
    let score: KillerScore
    let news: Mailbox<LogNews>
    /// To the logs' thread, which is started with the first container.
    var orders: Mailbox<LogOrder>?
    var connections: [Int32: Connection] = [:]
    var containers: [String: Container] = [:]
    var jobs: [Int32: Job] = [:]
    var captures: [Int32: Capture] = [:]
    var processes: [Int32: ExecProcess] = [:]
    /// Processes that have ended, and may turn out to be those of a runtime that still runs.
    var strays: [Int32: (status: ExitStatus, time: Timestamp)] = [:]
    var lastKey: UInt64 = 0
    var isPrepared = false
    /// PID 1 of the shared pid namespace, or 0.
    var pause: Int32 = 0
    /// The monitor leaves as soon as nothing lives.
    var isLeaving = false
    var leaveAskers: [Asker] = []
    /// Whether more may have ended than was reaped.
    var hasMoreToReap = false
    /// When the listener is waited for again, of which there is no taking just now: milliseconds of ``Poll/now()``.
    private var listensFrom: Int?

    init(_ options: Options, _ listener: consuming FileDescriptor) throws(SystemError) {
        self.options = options
        self.listener = listener
        queue = try EventQueue()
        signals = try SignalQueue()
        news = try Mailbox()
        score = KillerScore()
        try queue.watch(self.listener.number)
        try queue.watch(signals.descriptor.number)
        try queue.watch(news.number)
    }

    /// Nothing is running, and nothing has ended that has not been told.
    var isIdle: Bool {
        jobs.isEmpty && processes.isEmpty && containers.values.allSatisfy { $0.report != nil }
    }

    func run() throws(SystemError) {
        // Whether something was done since the text was given back.
        var isWarm = true
        while true {
            let timeout = timeout()
            let rests = isWarm && timeout == nil
            let events = try queue.wait(timeout: rests ? Self.rest : timeout)
            isWarm = !(rests && events.isEmpty)
            // Pods are idle most of the time, and many: one has 4 MB of the program mapped after some requests.
            if !isWarm { Allocator.releaseText() }
            for event in events { try handle(event) }
            if hasMoreToReap { reap() }
            listenAgain()
            checkDeadlines()
            if isLeaving && isIdle { return leave() }
        }
    }

    private func handle(_ event: EventQueue.Event) throws(SystemError) {
        if event.number == listener.number {
            greet()
        } else if event.number == signals.descriptor.number {
            switch try signals.next() {
            case SIGCHLD: hasMoreToReap = true
            // With a container in its care it stays.
            case SIGTERM: if isIdle { isLeaving = true }
            default: break
            }
        } else if event.number == news.number {
            for one in news.takeAll() { take(one) }
        } else if let connection = connections[event.number] {
            if event.isReadable { receive(connection) }
            if event.isWritable && connection.isOpen { resume(connection) }
        } else if let capture = captures[event.number], !capture.read() {
            captures[event.number] = nil
        }
    }

    /// Lets those in who have connected. What is short (descriptors, memory, room in the kernel's tables) is no reason to
    /// leave the pod alone.
    private func greet() {
        do throws(SystemError) {
            while let descriptor = try PacketSocket.accept(listener) {
                // Who cannot be served sees the end of the connection.
                guard let user = try? PacketSocket.peer(of: descriptor),
                    user == 0 || user == ProcessControl.effectiveUID
                else { continue }
                let connection = Connection(descriptor)
                if (try? queue.watch(connection.number)) == nil { continue }
                connections[connection.number] = connection
            }
        } catch {
            // They stay in the socket's queue, and would be told of again and again.
            queue.ignore(listener.number)
            listensFrom = Poll.now() + Self.crampedRest
        }
    }

    private func listenAgain() {
        guard let time = listensFrom, time <= Poll.now() else { return }
        listensFrom = (try? queue.watch(listener.number)) == nil ? Poll.now() + Self.crampedRest : nil
    }

    private func receive(_ connection: Connection) {
        // Others have their turn after these.
        for _ in 0..<16 where connection.isOpen {
            let packet: PacketSocket.Packet?
            do throws(SystemError) {
                packet = try PacketSocket.receive(
                    connection.descriptor, limit: Wire.packetLimit, descriptors: Wire.descriptorLimit)
            } catch {
                return drop(connection)
            }
            guard let packet else { return }
            if packet.bytes.isEmpty { return drop(connection) }
            let asker = Asker(connection: connection, number: MonitorRequest.number(of: packet.bytes))
            do throws(MonitorFailure) {
                try answer(packet, asker)
            } catch {
                reply(asker, .failed(error))
            }
        }
    }

    private func answer(_ packet: PacketSocket.Packet, _ asker: Asker) throws(MonitorFailure) {
        if packet.length > Wire.packetLimit {
            throw MonitorFailure(
                .malformed, "the message has \(packet.length) bytes, and \(Wire.packetLimit) is the limit")
        }
        let request: MonitorRequest
        do throws(Malformed) {
            request = try MonitorRequest(packet: packet.bytes)
        } catch {
            throw MonitorFailure(.malformed, error.description)
        }
        if !asker.connection.hasGreeted {
            guard case .hello = request else { throw MonitorFailure(.invalid, "hello has to come first") }
        }
        try follow(request, packet.descriptors, asker)
    }

    func reply(_ asker: Asker, _ reply: MonitorReply) {
        var packet = reply.packet(asker.number)
        if packet.count > Wire.packetLimit {
            let failure = MonitorFailure(.busy, "the reply is too long: forget containers that have ended")
            packet = MonitorReply.failed(failure).packet(asker.number)
        }
        send(packet, to: asker.connection)
    }

    /// Tells everybody who has subscribed.
    func announce(_ report: ExitReport) {
        let packet = MonitorReply.event(report).packet(0)
        for connection in connections.values where connection.isSubscribed { send(packet, to: connection) }
    }

    private func send(_ packet: [UInt8], to connection: Connection) {
        guard connection.isOpen else { return }
        guard connection.send(packet) else { return drop(connection) }
        if connection.hasOutgoing { watchForWriting(connection, true) }
    }

    private func resume(_ connection: Connection) {
        guard connection.flush() else { return drop(connection) }
        if !connection.hasOutgoing { watchForWriting(connection, false) }
    }

    private func watchForWriting(_ connection: Connection, _ wanted: Bool) {
        if (try? queue.watch(connection.number, forWriting: wanted)) == nil { drop(connection) }
    }

    /// It has ended, or does not listen: what was run for it by `exec` ends as well.
    private func drop(_ connection: Connection) {
        connection.close()
        queue.ignore(connection.number)
        connections[connection.number] = nil
        for job in jobs.values where job.asker.connection === connection {
            if case .exec = job.purpose { end(job, .cancelled) }
        }
        for process in processes.values where process.asker.connection === connection {
            end(process, .cancelled)
        }
        for container in containers.values {
            container.waiters.removeAll { $0.connection === connection }
        }
    }

    /// Milliseconds until the next deadline; `nil` without one.
    private func timeout() -> Int? {
        if hasMoreToReap { return 0 }
        var next = listensFrom ?? Int.max
        for job in jobs.values where job.verdict == nil { next = min(next, job.deadline ?? .max) }
        for process in processes.values where process.verdict == nil {
            next = min(next, process.deadline ?? .max)
        }
        for container in containers.values { next = min(next, container.drainDeadline ?? .max) }
        return next == .max ? nil : max(0, next - Poll.now())
    }

    private func checkDeadlines() {
        if jobs.isEmpty && processes.isEmpty && containers.isEmpty { return }
        let now = Poll.now()
        for job in jobs.values where job.verdict == nil {
            if let deadline = job.deadline, deadline <= now { end(job, .timedOut) }
        }
        for process in processes.values where process.verdict == nil {
            if let deadline = process.deadline, deadline <= now { end(process, .timedOut) }
        }
        for container in containers.values {
            if let deadline = container.drainDeadline, deadline <= now { tell(container) }
        }
    }

    private func leave() {
        try? FileTree.unlink(options.socket)
        if pause != 0 { try? ProcessControl.signal(pid: pause, SIGKILL) }
        for asker in leaveAskers { reply(asker, .done) }
    }
}
