import Diagnosis
import Glibc
import Kernel
import MonitorProtocol
import Synchronization

/// A connection to the monitor of a pod.
///
/// Each request is answered on its own: several may be under way. One that is not answered in time throws
/// ``MonitorError/silent(socket:request:limit:)``. When the connection is lost, all of them throw
/// ``MonitorError/lost(socket:reason:)``, and ``events`` ends.
package final class MonitorClient: Sendable {
    /// The monitor's socket.
    package let socket: String
    /// The containers that end, each of them once, after its exit record is written. Ends with the connection.
    package let events: AsyncStream<ExitReport>

    private let descriptor: FileDescriptor
    private let reader: MonitorReader
    private let announce: AsyncStream<ExitReport>.Continuation
    private let state = Mutex(State())

    private struct State {
        var lastNumber: UInt32 = 0
        var waiting: [UInt32: Waiter] = [:]
        /// Requests that end with their task, and are not sent yet.
        var unsent: Set<UInt32> = []
        /// Those of them whose task was cancelled meanwhile.
        var cancelled: Set<UInt32> = []
        /// Packets for which there was no room in the socket, the first one first, and copies of what goes with them.
        var outgoing: [(packet: [UInt8], descriptors: [Int32])] = []
        /// Why the connection has ended.
        var isLost: String?

        mutating func nextNumber() -> UInt32 {
            // 0 is for events; by the time that the numbers come again these requests have been answered.
            lastNumber = lastNumber == .max ? 1 : lastNumber + 1
            return lastNumber
        }
    }

    private struct Waiter {
        let continuation: CheckedContinuation<MonitorReply, any Error>
        /// Gives the request up when its time has come.
        let clock: Task<Void, any Error>?

        func resume(with result: Result<MonitorReply, any Error>) {
            clock?.cancel()
            continuation.resume(with: result)
        }
    }

    private init(_ socket: String, _ descriptor: consuming FileDescriptor, _ reader: MonitorReader) {
        self.socket = socket
        self.descriptor = descriptor
        self.reader = reader
        (events, announce) = AsyncStream.makeStream()
    }

    /// Connects to a monitor, and subscribes to what happens.
    ///
    /// - Parameters:
    ///   - path: its socket.
    ///   - limit: for each of its answers.
    /// - Throws: ``MonitorError``: `absent` if nobody listens there, `version` if it speaks another protocol, `silent`
    ///   and `lost` if it may be there all the same.
    package static func connect(
        _ path: String, _ reader: MonitorReader, limit: Duration? = nil
    ) async throws -> MonitorClient {
        let limit = limit ?? TimeLimits.answer
        let client = try open(path, reader)
        do {
            guard
                case .hello(let version, _) = try await client.ask(
                    .hello(version: Wire.version), "hello", limit: limit)
            else {
                throw client.nonsense("hello")
            }
            if version != Wire.version { throw MonitorError.version(socket: path, theirs: version) }
            try await client.tell(.subscribe, "subscribe", limit: limit)
            return client
        } catch {
            client.close()
            throw error
        }
    }

    private static func open(
        _ path: String, _ reader: MonitorReader
    ) throws(MonitorError) -> MonitorClient {
        do throws(SystemError) {
            let client = MonitorClient(path, try PacketSocket.connect(to: path), reader)
            try reader.watch(client)
            return client
        } catch {
            // Everything else, such as a full queue of one that is stopped, or want of descriptors here, says nothing.
            let isAbsent = error.errno == Errno(ENOENT) || error.errno == Errno(ECONNREFUSED)
            throw isAbsent ? .absent(socket: path) : .lost(socket: path, reason: error.description)
        }
    }

    var number: Int32 { descriptor.number }

    /// Ends the connection: what was run by `exec` over it is killed by the monitor, and the rest goes on.
    package func close() { lose("it was closed here") }

    // MARK: Requests

    /// Namespaces, and PID 1 of a shared pid namespace.
    ///
    /// - Returns: the pause process's pid; `nil` if none was asked for.
    package func prepare(_ preparation: Preparation) async throws -> Int32? {
        let reply = try await ask(.prepare(preparation), "prepare", limit: TimeLimits.preparation)
        guard case .prepared(let pid) = reply else { throw nonsense("prepare") }
        return pid == 0 ? nil : pid
    }

    /// - Returns: the pid of the container's first process.
    package func create(_ creation: Creation) async throws -> Int32 {
        let reply = try await ask(.create(creation), "create", limit: Self.limit(creation.command))
        guard case .created(let pid) = reply else { throw nonsense("create") }
        return pid
    }

    /// Runs a command of a runtime. If the task is cancelled, the command is killed.
    package func run(_ command: RuntimeCommand) async throws -> CommandOutcome {
        let reply = try await ask(.run(command), "run", limit: Self.limit(command), isKilledWithTask: true)
        guard case .ran(let outcome) = reply else { throw nonsense("run") }
        return outcome
    }

    /// Runs a process in a container until it has ended. If the task is cancelled, it is killed.
    ///
    /// - Parameter standard: descriptors for its standard input, output and error, which the caller closes after this,
    ///   whether or not it throws.
    /// - Throws: ``MonitorError/refused(_:)`` with `timedOut`, `cancelled` or `runtime` among others.
    package func exec(_ execution: Execution, standard: [Int32]) async throws -> ExitReport {
        let reply = try await ask(
            .exec(execution), "exec", limit: Self.limit(execution.command), descriptors: standard,
            isKilledWithTask: true)
        guard case .executed(let report) = reply else { throw nonsense("exec") }
        return report
    }

    /// Waits for a container's end.
    ///
    /// - Parameter limit: how long at most; nil is without end.
    package func wait(_ id: String, limit: Duration? = nil) async throws -> ExitReport {
        guard case .exited(let report) = try await ask(.wait(id: id), "wait", limit: limit) else {
            throw nonsense("wait")
        }
        return report
    }

    package func list(limit: Duration? = nil) async throws -> [MonitoredContainer] {
        let reply = try await ask(.list, "list", limit: limit ?? TimeLimits.answer)
        guard case .containers(let containers) = reply else { throw nonsense("list") }
        return containers
    }

    package func kill(_ id: String, signal: Int32) async throws {
        try await tell(.kill(id: id, signal: signal), "kill")
    }
    package func reopenLog(_ id: String) async throws { try await tell(.reopenLog(id: id), "reopenLog") }
    package func closeInput(_ id: String) async throws { try await tell(.closeInput(id: id), "closeInput") }

    package func resize(_ id: String, rows: UInt16, columns: UInt16) async throws {
        try await tell(.resize(id: id, rows: rows, columns: columns), "resize")
    }

    /// Of a container that has ended and was deleted; its exit record is removed.
    package func forget(_ id: String) async throws { try await tell(.forget(id: id), "forget") }

    /// The monitor leaves, with the pause process.
    ///
    /// - Parameter force: kills what lives; else that is an error.
    package func shutDown(force: Bool) async throws {
        try await tell(.shutdown(force: force), "shutdown", limit: TimeLimits.shutdown)
    }

    /// What the monitor breaks off by itself is waited for a little longer; what has no end is not given up.
    private static func limit(_ command: RuntimeCommand) -> Duration? {
        command.timeLimit == 0 ? nil : .milliseconds(Int(command.timeLimit)) + TimeLimits.grace
    }

    // MARK: Messages

    private func tell(
        _ request: MonitorRequest, _ name: String, limit: Duration = TimeLimits.answer
    ) async throws {
        guard case .done = try await ask(request, name, limit: limit) else { throw nonsense(name) }
    }

    private func nonsense(_ what: String) -> MonitorError {
        lose("it answers \(what) with something else")
        return .lost(socket: socket, reason: "it answers \(what) with something else")
    }

    /// - Parameters:
    ///   - name: what the request is called in errors.
    ///   - limit: how long the answer may take; nil is for ever.
    private func ask(
        _ request: MonitorRequest, _ name: String, limit: Duration?, descriptors: [Int32] = [],
        isKilledWithTask: Bool = false
    ) async throws -> MonitorReply {
        let number = state.withLock { state in
            let number = state.nextNumber()
            if isKilledWithTask { state.unsent.insert(number) }
            return number
        }
        let reply = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                send(request, number, descriptors, continuation) { [weak self] in
                    guard let self, let limit else { return nil }
                    let overdue = MonitorError.silent(socket: socket, request: name, limit: limit)
                    return Task {
                        try await Task.sleep(for: limit)
                        self.giveUp(number, overdue)
                    }
                }
            }
        } onCancel: {
            if isKilledWithTask { cancel(number) }
        }
        if case .failed(let failure) = reply { throw MonitorError.refused(failure) }
        return reply
    }

    private func send(
        _ request: MonitorRequest, _ number: UInt32, _ descriptors: [Int32],
        _ continuation: CheckedContinuation<MonitorReply, any Error>,
        _ startClock: () -> Task<Void, any Error>?
    ) {
        let packet = request.packet(number)
        if packet.count > Wire.packetLimit {
            return continuation.resume(throwing: MonitorError.tooLong(bytes: packet.count))
        }
        let failure: (any Error)? = state.withLock { state in
            state.unsent.remove(number)
            if state.cancelled.remove(number) != nil { return CancellationError() }
            if let reason = state.isLost { return MonitorError.lost(socket: socket, reason: reason) }
            do throws(SystemError) {
                try post(packet, descriptors, &state)
            } catch {
                return MonitorError.lost(socket: socket, reason: error.description)
            }
            // Which finds it here, for it has to wait for the lock.
            state.waiting[number] = Waiter(continuation: continuation, clock: startClock())
            return nil
        }
        if let failure { continuation.resume(throwing: failure) }
    }

    /// Nobody waits for the answer any more; if it comes, it is dropped.
    private func giveUp(_ number: UInt32, _ error: MonitorError) {
        state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(with: .failure(error))
    }

    private func cancel(_ number: UInt32) {
        let isHeard = state.withLock { state in
            if state.unsent.contains(number) { state.cancelled.insert(number) }
            guard state.isLost == nil, state.waiting[number] != nil else { return true }
            // The answer to this one is for nobody; that to the request comes when it has been killed.
            let packet = MonitorRequest.cancel(number: number).packet(state.nextNumber())
            return (try? post(packet, [], &state)) != nil
        }
        if !isHeard { lose("it cannot be written to") }
    }

    /// Sends a packet, now or when there is room for it.
    private func post(_ packet: [UInt8], _ descriptors: [Int32], _ state: inout State) throws(SystemError) {
        let goesNow =
            state.outgoing.isEmpty
            ? try PacketSocket.send(packet, descriptors: descriptors, to: descriptor) : false
        if goesNow { return }
        var copies: [Int32] = []
        do throws(SystemError) {
            for number in descriptors { copies.append(try FileDescriptor.duplicate(number).release()) }
            try reader.watch(self, forWriting: true)
        } catch {
            for number in copies { _ = FileDescriptor(owning: number) }
            throw error
        }
        state.outgoing.append((packet, copies))
    }

    /// Sends what there is room for by now; called by the reader's thread.
    func resume() {
        let failure: String? = state.withLock { state in
            if state.isLost != nil || state.outgoing.isEmpty { return nil }
            do throws(SystemError) {
                while let (packet, descriptors) = state.outgoing.first {
                    guard try PacketSocket.send(packet, descriptors: descriptors, to: descriptor) else {
                        return nil
                    }
                    state.outgoing.removeFirst()
                    for number in descriptors { _ = FileDescriptor(owning: number) }
                }
                try reader.watch(self, forWriting: false)
                return nil
            } catch {
                return error.description
            }
        }
        if let failure { lose(failure) }
    }

    /// Takes what has come; called by the reader's thread.
    func receive() {
        for _ in 0..<16 {
            let packet: PacketSocket.Packet?
            do throws(SystemError) {
                packet = try PacketSocket.receive(
                    descriptor, limit: Wire.packetLimit, descriptors: Wire.descriptorLimit)
            } catch {
                return lose(error.description)
            }
            guard let packet else { return }
            if packet.bytes.isEmpty { return lose("it has ended") }
            do throws(Malformed) {
                let (number, reply) = try MonitorReply.parse(packet.bytes)
                if case .event(let report) = reply {
                    announce.yield(report)
                } else {
                    state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(with: .success(reply))
                }
            } catch {
                return lose("it says what is malformed: \(error)")
            }
        }
    }

    private func lose(_ reason: String) {
        let waiting = state.withLock { state in
            if state.isLost == nil { state.isLost = reason }
            for (_, descriptors) in state.outgoing {
                for number in descriptors { _ = FileDescriptor(owning: number) }
            }
            state.outgoing = []
            defer { state.waiting = [:] }
            return state.waiting
        }
        // The monitor sees the end of the connection at once, and not when the last who holds this lets go of it.
        PacketSocket.shutDown(descriptor)
        reader.forget(self)
        announce.finish()
        for waiter in waiting.values {
            waiter.resume(with: .failure(MonitorError.lost(socket: socket, reason: reason)))
        }
    }
}
