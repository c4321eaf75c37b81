import CKernel
import Diagnosis
import Glibc

/// A connected datagram socket of the host's unix(7) domain, to which messages are sent whole.
public struct DatagramSocket: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// connect(2) to the socket at a path of at most 107 bytes.
    public static func connect(to path: String) throws(SystemError) -> DatagramSocket {
        let doing = "connect to \(path)"
        let descriptor = FileDescriptor(
            owning: try system(doing) {
                Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
        let (number, bytes) = (descriptor.number, Array(path.utf8))
        _ = try system(doing) {
            bytes.withUnsafeBytes { apus_connect_local(number, $0.baseAddress, $0.count) }
        }
        return DatagramSocket(descriptor: descriptor)
    }

    /// Gives the number away: it stays open, and is sent to by ``send(_:to:)``.
    public consuming func release() -> Int32 { descriptor.release() }

    /// send(2), as one datagram.
    public static func send(_ bytes: [UInt8], to number: Int32) throws(SystemError) {
        _ = try system("send a datagram") {
            bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
    }
}
