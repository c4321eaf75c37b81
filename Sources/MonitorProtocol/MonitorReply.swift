/// What a pod monitor says.
public enum MonitorReply: Equatable, Sendable {
    case done
    case failed(MonitorFailure)
    case hello(version: UInt32, pid: Int32)
    /// - Parameter pause: the pid of PID 1 of the shared pid namespace, or 0.
    case prepared(pause: Int32)
    case created(pid: Int32)
    case ran(CommandOutcome)
    /// How the process of `exec` ended: ``ExitReport/id`` is empty.
    case executed(ExitReport)
    case exited(ExitReport)
    case containers([MonitoredContainer])
    /// Of no request: a container has ended.
    case event(ExitReport)

    private var kind: UInt8 {
        switch self {
        case .done: 128
        case .failed: 129
        case .hello: 130
        case .prepared: 131
        case .created: 132
        case .ran: 133
        case .executed: 134
        case .exited: 135
        case .containers: 136
        case .event: 160
        }
    }

    /// - Parameter number: of the request; 0 for an event.
    public func packet(_ number: UInt32) -> [UInt8] {
        var writer = WireWriter()
        writer.byte(kind)
        writer.word(number)
        switch self {
        case .done: break
        case .failed(let failure): failure.write(to: &writer)
        case .hello(let version, let pid):
            writer.word(version)
            writer.signed(pid)
        case .prepared(let pid), .created(let pid): writer.signed(pid)
        case .ran(let outcome): outcome.write(to: &writer)
        case .executed(let report), .exited(let report), .event(let report): report.write(to: &writer)
        case .containers(let containers): writer.list(containers)
        }
        return writer.bytes
    }

    /// The number of the request, and the reply.
    public static func parse(_ packet: [UInt8]) throws(Malformed) -> (number: UInt32, reply: MonitorReply) {
        var reader = WireReader(packet)
        let kind = try reader.byte("kind")
        let number = try reader.word("number")
        let reply: MonitorReply
        switch kind {
        case 128: reply = .done
        case 129: reply = .failed(try MonitorFailure(from: &reader))
        case 130: reply = .hello(version: try reader.word("version"), pid: try reader.signed("pid"))
        case 131: reply = .prepared(pause: try reader.signed("pid"))
        case 132: reply = .created(pid: try reader.signed("pid"))
        case 133: reply = .ran(try CommandOutcome(from: &reader))
        case 134: reply = .executed(try ExitReport(from: &reader))
        case 135: reply = .exited(try ExitReport(from: &reader))
        case 136: reply = .containers(try reader.list("containers"))
        case 160: reply = .event(try ExitReport(from: &reader))
        default: throw Malformed("kind", "no reply has the number \(kind)")
        }
        try reader.end()
        return (number, reply)
    }
}

/// Why a request could not be fulfilled.
public struct MonitorFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: UInt8, CaseIterable, Sendable {
        /// The message says nothing, or more than a message may.
        case malformed = 0
        /// `hello` did not come first, or what was asked for does not go together.
        case invalid
        case unknownContainer
        case containerExists
        /// Something lives, or has lived, that does not allow it.
        case busy
        /// The kernel refused.
        case system
        /// The runtime failed: ``MonitorFailure/status`` is its exit status.
        case runtime
        case timedOut
        case cancelled
    }

    public var kind: Kind
    /// The kernel's answer, or 0.
    public var errno: Int32
    /// The runtime's, or 0; 128 and the signal that ended it.
    public var status: Int32
    public var text: String

    public init(_ kind: Kind, _ text: String, errno: Int32 = 0, status: Int32 = 0) {
        self.kind = kind
        self.text = text
        self.errno = errno
        self.status = status
    }

    public var description: String { text }
}

/// How a command ended.
public struct CommandOutcome: Equatable, Sendable {
    /// 128 and the signal, if one ended it.
    public var status: Int32
    /// The signal that ended it, or 0.
    public var signal: Int32
    /// Whether it was killed for want of time.
    public var isTimedOut: Bool
    /// The end of what it wrote.
    public var output: [UInt8]
    public var errors: [UInt8]

    public init(status: Int32, signal: Int32, isTimedOut: Bool, output: [UInt8], errors: [UInt8]) {
        self.status = status
        self.signal = signal
        self.isTimedOut = isTimedOut
        self.output = output
        self.errors = errors
    }
}

/// A container as a monitor knows it.
public struct MonitoredContainer: Equatable, Sendable {
    public var id: String
    public var pid: Int32
    /// Absent as long as its first process lives, started or not.
    public var exit: ExitReport?

    public init(id: String, pid: Int32, exit: ExitReport?) {
        self.id = id
        self.pid = pid
        self.exit = exit
    }
}

extension MonitorFailure: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        let number = try reader.byte("failure.kind")
        guard let kind = Kind(rawValue: number) else {
            throw Malformed("failure.kind", "no failure has the number \(number)")
        }
        self.kind = kind
        errno = try reader.signed("failure.errno")
        status = try reader.signed("failure.status")
        text = try reader.text("failure.text")
    }

    func write(to writer: inout WireWriter) {
        writer.byte(kind.rawValue)
        writer.signed(errno)
        writer.signed(status)
        writer.text(text)
    }
}

extension CommandOutcome: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        status = try reader.signed("outcome.status")
        signal = try reader.signed("outcome.signal")
        isTimedOut = try reader.flag("outcome.isTimedOut")
        output = try reader.data("outcome.output")
        errors = try reader.data("outcome.errors")
    }

    func write(to writer: inout WireWriter) {
        writer.signed(status)
        writer.signed(signal)
        writer.flag(isTimedOut)
        writer.data(output)
        writer.data(errors)
    }
}

extension MonitoredContainer: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        id = try reader.name("container.id")
        pid = try reader.signed("container.pid")
        exit = try reader.optional("container.exit")
    }

    func write(to writer: inout WireWriter) {
        writer.text(id)
        writer.signed(pid)
        writer.optional(exit)
    }
}
