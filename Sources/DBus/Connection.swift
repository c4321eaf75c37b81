import Diagnosis
import Glibc
import Kernel

/// A connection to a message bus, or to a service that listens for itself.
///
/// One caller at a time: what comes in while a call waits for its answer is kept if it is a signal, and dropped
/// otherwise. After ``DBusError/closed`` and ``DBusError/malformed(_:)`` it is of no more use.
public final class Connection {
    private let socket: StreamSocket
    private var inbox = Inbox()
    private var lastSerial: UInt32 = 0
    private var signals: [Message] = []
    /// Our name on the bus; `nil` without a bus.
    public internal(set) var uniqueName: String?

    /// How many signals are kept. Who lets more of them pile up has no use for them.
    private static let maximumSignals = 4096

    init(_ socket: consuming StreamSocket) { self.socket = socket }

    /// What is at the other end.
    public enum Peer: Sendable {
        /// A bus: there are other ends behind it, which have names.
        case bus
        /// A service alone.
        case service
    }

    /// Connects to the first of the addresses that can be connected to.
    ///
    /// - Parameters:
    ///   - identity: our user ID as the other end sees it; `nil` if that is not known, as in a user namespace.
    ///   - timeout: milliseconds for all of it.
    public static func open(
        _ addresses: [Address], peer: Peer, identity: UInt32?, runtimeDirectory: String? = nil, timeout: Int
    ) throws(DBusError) -> Connection {
        let deadline = Poll.now() + timeout
        var reasons: [String] = []
        for address in addresses {
            do throws(DBusError) {
                let name = try address.socket(runtimeDirectory: runtimeDirectory)
                let connection = Connection(try connect(name, deadline))
                try connection.authenticate(
                    Authentication(identity.map { .user($0) } ?? .whoeverWeAre), deadline)
                if peer == .bus { try connection.hello(deadline) }
                return connection
            } catch .unreachable(let reason) {
                reasons.append(reason)
            }
        }
        throw .unreachable(reasons.joined(separator: "; "))
    }

    private static func connect(_ name: StreamSocket.Name, _ deadline: Int) throws(DBusError) -> StreamSocket
    {
        do throws(SystemError) {
            return try StreamSocket.connect(to: name, deadline: deadline)
        } catch {
            throw .unreachable(error.description)
        }
    }

    private func authenticate(_ authentication: Authentication, _ deadline: Int) throws(DBusError) {
        var authentication = authentication
        try send(authentication.opening, deadline)
        while true {
            if let line = try inbox.takeLine() {
                if try authentication.isContent(line) { return }
            } else {
                try fill(deadline)
            }
        }
    }

    private func hello(_ deadline: Int) throws(DBusError) {
        let answer = try call(.bus("Hello"), deadline: deadline)
        guard case .string(let name)? = answer.body.first else {
            throw .unexpected("the bus gave us no name")
        }
        uniqueName = name
    }

    // MARK: calls

    /// Calls a method and waits for its answer.
    ///
    /// - Parameter timeout: milliseconds.
    /// - Throws: ``DBusError/refused(name:message:)`` if it answers with an error.
    public func call(_ call: MethodCall, timeout: Int) throws(DBusError) -> Message {
        try self.call(call, deadline: Poll.now() + timeout)
    }

    private func call(_ call: MethodCall, deadline: Int) throws(DBusError) -> Message {
        // 0 is no serial number.
        lastSerial = lastSerial == .max ? 1 : lastSerial + 1
        let serial = lastSerial
        try send(try call.message(serial: serial).encoded(), deadline)
        while true {
            let message = try next(deadline)
            switch message.kind {
            case .signal: keep(message)
            case .methodReturn where message.replySerial == serial: return message
            case .error where message.replySerial == serial:
                throw .refused(name: message.errorName ?? "", message: message.body.first?.text ?? "")
            default: break
            }
        }
    }

    // MARK: signals

    /// Asks the bus for signals.
    ///
    /// - Parameter rule: as `type='signal',interface='…'` (D-Bus Specification, "Match Rules").
    public func subscribe(_ rule: String, timeout: Int) throws(DBusError) {
        guard uniqueName != nil else { return }
        _ = try call(.bus("AddMatch", [.string(rule)]), timeout: timeout)
    }

    /// The first signal that `isWanted`; those before it are dropped, those after it are kept.
    ///
    /// - Parameter deadline: in milliseconds of ``Poll/now()``.
    /// - Throws: ETIMEDOUT if none comes.
    public func signal(deadline: Int, where isWanted: (Message) -> Bool) throws(DBusError) -> Message {
        if let index = signals.firstIndex(where: isWanted) {
            let signal = signals[index]
            signals.removeFirst(index + 1)
            return signal
        }
        signals.removeAll()
        while true {
            let message = try next(deadline)
            if message.kind == .signal, isWanted(message) { return message }
        }
    }

    private func keep(_ signal: Message) {
        if signals.count == Self.maximumSignals { signals.removeFirst() }
        signals.append(signal)
    }

    // MARK: bytes

    private func next(_ deadline: Int) throws(DBusError) -> Message {
        while true {
            switch try inbox.takeMessage() {
            case .message(let message): return message
            case .unknown: break
            case .incomplete: try fill(deadline)
            }
        }
    }

    private func fill(_ deadline: Int) throws(DBusError) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try socket.receive(limit: 1 << 14, deadline: deadline)
        } catch {
            throw .system(error)
        }
        if bytes.isEmpty { throw .closed }
        inbox.append(bytes)
    }

    private func send(_ bytes: [UInt8], _ deadline: Int) throws(DBusError) {
        do throws(SystemError) {
            try socket.send(bytes, deadline: deadline)
        } catch  where error.errno == Errno(EPIPE) || error.errno == Errno(ECONNRESET) {
            throw .closed
        } catch {
            throw .system(error)
        }
    }
}
