import CKernel
import Diagnosis
import Glibc

/// One end of a connected SOCK_SEQPACKET pair: packets with at most one descriptor each.
public struct Socket: ~Copyable, Sendable {
    public let descriptor: FileDescriptor
    /// Who is at the other end, for messages.
    private let peer: String

    /// The two ends of a pair.
    public struct Pair: ~Copyable {
        let near: Socket
        public let far: FileDescriptor

        /// The near end; the far one is closed.
        public consuming func takeNear() -> Socket { near }
    }

    /// socketpair(2).
    public static func pair(with peer: String = "the stage") throws(SystemError) -> Pair {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try system("socketpair") {
            withUnsafeMutableBytes(of: &ends) {
                socketpair(
                    AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0,
                    $0.baseAddress!.assumingMemoryBound(to: Int32.self))
            }
        }
        return Pair(
            near: Socket(FileDescriptor(owning: ends.0), peer: peer), far: FileDescriptor(owning: ends.1))
    }

    public init(_ descriptor: consuming FileDescriptor, peer: String = "the stage") {
        self.descriptor = descriptor
        self.peer = peer
    }

    /// A packet and what came with it; no bytes at all mean that the other end is closed.
    public struct Packet: ~Copyable {
        public let bytes: [UInt8]
        let descriptor: FileDescriptor?

        public consuming func takeDescriptor() -> FileDescriptor? { descriptor }
    }

    /// One packet of at most `limit` bytes.
    public func receive(limit: Int = 64) throws(SystemError) -> Packet {
        var bytes = [UInt8](repeating: 0, count: limit)
        var passed: Int32 = -1
        let number = descriptor.number
        do throws(SystemError) {
            let count = try system("receive from \(peer)") {
                bytes.withUnsafeMutableBytes { apus_receive(number, $0.baseAddress, $0.count, &passed) }
            }
            return Packet(
                bytes: Array(bytes[..<count]),
                descriptor: passed >= 0 ? FileDescriptor(owning: passed) : nil)
        } catch  where error.errno == Errno(ECONNRESET) {
            // The other end was closed with our packet unread: closed is closed.
            return Packet(bytes: [], descriptor: nil)
        }
    }

    /// One packet; EPIPE if the other end is closed.
    public func send(_ bytes: [UInt8]) throws(SystemError) {
        let number = descriptor.number
        _ = try system("send to \(peer)") {
            bytes.withUnsafeBytes { apus_send(number, $0.baseAddress, $0.count, -1) }
        }
    }
}
