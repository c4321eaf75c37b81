import Diagnosis
import Glibc
import Kernel

/// What the kernel refused, and what it said about it.
public struct Refusal: Error, Equatable, Sendable {
    public var errno: Errno
    /// Empty, if it had no words for it.
    public var words: String

    public init(_ errno: Errno, _ words: String = "") {
        self.errno = errno
        self.words = words
    }
}

/// A conversation with the kernel about the devices of one network namespace.
public final class RouteConnection {
    private let socket: NetlinkSocket
    private var sequence: UInt32 = 0

    public init(_ socket: consuming NetlinkSocket) { self.socket = socket }

    /// - Returns: `nil` if there is none of that name.
    public func link(named name: String) throws(Refusal) -> Link? {
        do throws(Refusal) {
            return try ask(Link.query(named: name)).lazy.compactMap(Link.init).first
        } catch  where error.errno == Errno(ENODEV) {
            return nil
        }
    }

    public func link(_ index: Int32) throws(Refusal) -> Link? {
        try ask(Link.query(index)).lazy.compactMap(Link.init).first
    }

    public func addresses(of index: Int32) throws(Refusal) -> [Address] {
        // Something that changes meanwhile can hide what does not.
        for _ in 0..<100 {
            let answers = try ask(Address.query)
            if answers.contains(where: { $0.flags & Message.Flags.interrupted != 0 }) { continue }
            return answers.compactMap(Address.init).filter { $0.index == index }
        }
        throw Refusal(Errno(EINTR), "the addresses change all the time")
    }

    /// Into the network namespace of this descriptor.
    public func move(_ index: Int32, to namespace: Int32, as name: String) throws(Refusal) {
        _ = try ask(Link.move(index, toNamespace: namespace, as: name))
    }

    public func rename(_ index: Int32, to name: String) throws(Refusal) {
        _ = try ask(Link.rename(index, to: name))
    }

    public func setUp(_ index: Int32) throws(Refusal) { _ = try ask(Link.setUp(index)) }

    public func add(_ address: Address, to index: Int32) throws(Refusal) {
        _ = try ask(address.addition(to: index))
    }

    /// Sends a request, and gives what comes before the verdict on it; of a dump the verdict, too.
    private func ask(_ request: Message) throws(Refusal) -> [Message] {
        var request = request
        sequence += 1
        request.sequence = sequence
        var answers: [Message]
        do throws(SystemError) {
            try socket.send(request.bytes)
            answers = try listen()
        } catch {
            throw Refusal(error.errno)
        }
        guard let (number, words) = answers.last?.verdict else { throw Refusal(Errno(EBADMSG)) }
        if number != 0 { throw Refusal(Errno(number), words) }
        return answers
    }

    /// What is said to the last request, up to the verdict.
    private func listen() throws(SystemError) -> [Message] {
        var answers: [Message] = []
        while true {
            guard let messages = Message.parse(try socket.receive()) else {
                throw SystemError("understand the kernel", Errno(EBADMSG))
            }
            for message in messages where message.sequence == sequence {
                answers.append(message)
                if message.type == Message.Kind.error || message.type == Message.Kind.done { return answers }
            }
        }
    }
}
