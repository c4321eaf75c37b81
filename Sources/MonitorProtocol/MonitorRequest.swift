/// What a pod monitor is asked for.
public enum MonitorRequest: Equatable, Sendable {
    /// Comes first on a connection; answered with ``MonitorReply/hello(version:pid:)``, whatever the version.
    case hello(version: UInt32)
    /// Namespaces, and PID 1 of a shared pid namespace: all, or nothing. ``MonitorReply/prepared(pause:)``.
    case prepare(Preparation)
    /// ``MonitorReply/created(pid:)``.
    case create(Creation)
    /// Runs a command, of a runtime or another: ``MonitorReply/ran(_:)``, with whatever status.
    case run(RuntimeCommand)
    /// ``MonitorReply/executed(_:)`` when the process has ended. If the connection ends before, it is killed.
    case exec(Execution)
    /// Kills the command or the process of another request on this connection; that one is answered as `cancelled`.
    case cancel(number: UInt32)
    /// Opens the container's log anew, at the same path.
    case reopenLog(id: String)
    /// Signals the container's first process.
    case kill(id: String, signal: Int32)
    /// Answered with ``MonitorReply/exited(_:)`` when the container has ended.
    case wait(id: String)
    /// From now on ``MonitorReply/event(_:)`` tells of each container that ends.
    case subscribe
    /// ``MonitorReply/containers(_:)``.
    case list
    /// Of a container that has ended; its exit record goes, too.
    case forget(id: String)
    /// The monitor leaves, with the pause process. Pins stay.
    /// - Parameter force: also if something lives: that is killed then.
    case shutdown(force: Bool)
    /// Of the container's terminal.
    case resize(id: String, rows: UInt16, columns: UInt16)
    case closeInput(id: String)

    // 16 to 31 are kept for attaching to a container, and for processes with a terminal.
    private var kind: UInt8 {
        switch self {
        case .hello: 1
        case .prepare: 2
        case .create: 3
        case .run: 4
        case .exec: 5
        case .cancel: 6
        case .reopenLog: 7
        case .kill: 8
        case .wait: 9
        case .subscribe: 10
        case .list: 11
        case .forget: 12
        case .shutdown: 13
        case .resize: 14
        case .closeInput: 15
        }
    }

    /// The message.
    ///
    /// - Parameter number: any that no other request of the connection has at the time, but 0.
    public func packet(_ number: UInt32) -> [UInt8] {
        var writer = WireWriter()
        writer.byte(kind)
        writer.word(number)
        switch self {
        case .hello(let version): writer.word(version)
        case .prepare(let preparation): preparation.write(to: &writer)
        case .create(let creation): creation.write(to: &writer)
        case .run(let command): command.write(to: &writer)
        case .exec(let execution): execution.write(to: &writer)
        case .cancel(let number): writer.word(number)
        case .reopenLog(let id), .wait(let id), .forget(let id), .closeInput(let id): writer.text(id)
        case .kill(let id, let signal):
            writer.text(id)
            writer.signed(signal)
        case .subscribe, .list: break
        case .shutdown(let force): writer.flag(force)
        case .resize(let id, let rows, let columns):
            writer.text(id)
            writer.word(UInt32(rows))
            writer.word(UInt32(columns))
        }
        return writer.bytes
    }

    /// The number of a request that may be malformed otherwise; 0 if even that is not there.
    public static func number(of packet: [UInt8]) -> UInt32 {
        var reader = WireReader(packet)
        _ = try? reader.byte("kind")
        return (try? reader.word("number")) ?? 0
    }

    public init(packet: [UInt8]) throws(Malformed) {
        var reader = WireReader(packet)
        let kind = try reader.byte("kind")
        guard try reader.word("number") != 0 else { throw Malformed("number", "is 0") }
        switch kind {
        case 1: self = .hello(version: try reader.word("version"))
        case 2: self = .prepare(try Preparation(from: &reader))
        case 3: self = .create(try Creation(from: &reader))
        case 4: self = .run(try RuntimeCommand(from: &reader))
        case 5: self = .exec(try Execution(from: &reader))
        case 6: self = .cancel(number: try reader.word("cancelled"))
        case 7: self = .reopenLog(id: try reader.name("id"))
        case 8:
            let id = try reader.name("id")
            let signal = try reader.signed("signal")
            guard (1...64).contains(signal) else { throw Malformed("signal", "there is no signal \(signal)") }
            self = .kill(id: id, signal: signal)
        case 9: self = .wait(id: try reader.name("id"))
        case 10: self = .subscribe
        case 11: self = .list
        case 12: self = .forget(id: try reader.name("id"))
        case 13: self = .shutdown(force: try reader.flag("force"))
        case 14:
            let id = try reader.name("id")
            let rows = try reader.word("rows")
            let columns = try reader.word("columns")
            guard let rows = UInt16(exactly: rows), let columns = UInt16(exactly: columns) else {
                throw Malformed("rows", "a terminal has at most 65535 rows and columns")
            }
            self = .resize(id: id, rows: rows, columns: columns)
        case 15: self = .closeInput(id: try reader.name("id"))
        default: throw Malformed("kind", "no request has the number \(kind)")
        }
        try reader.end()
    }
}
