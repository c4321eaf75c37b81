import Diagnosis
import Kernel
import MonitorProtocol

/// A daemon, or whoever else has connected.
final class Connection {
    let descriptor: FileDescriptor
    private(set) var isOpen = true
    /// Whether `hello` has come.
    var hasGreeted = false
    /// Whether it is told of containers that end.
    var isSubscribed = false
    /// What the other end has not taken yet.
    private var outgoing: [[UInt8]] = []
    private var outgoingBytes = 0

    /// Whoever lets this much of it lie has stopped listening.
    private static let outgoingLimit = 1 << 20

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    var number: Int32 { descriptor.number }
    var hasOutgoing: Bool { !outgoing.isEmpty }

    /// - Returns: whether the connection can go on.
    func send(_ packet: [UInt8]) -> Bool {
        guard isOpen else { return true }
        outgoing.append(packet)
        outgoingBytes += packet.count
        return flush() && outgoingBytes <= Self.outgoingLimit
    }

    /// Sends as much of what waits as the other end takes.
    ///
    /// - Returns: whether the connection can go on.
    func flush() -> Bool {
        do throws(SystemError) {
            while let packet = outgoing.first {
                guard try PacketSocket.send(packet, to: descriptor) else { return true }
                outgoing.removeFirst()
                outgoingBytes -= packet.count
            }
            return true
        } catch {
            return false
        }
    }

    /// Nothing goes out any more.
    func close() {
        isOpen = false
        outgoing = []
    }
}

/// Where the reply to a request goes.
struct Asker {
    let connection: Connection
    let number: UInt32
}
