import CKernel
import Diagnosis
import Glibc

/// A datagram socket of the host's unix(7) domain.
public struct DatagramSocket: ~Copyable, Sendable {
    public let descriptor: FileDescriptor

    private static func make(flags: Int32) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try system("make a socket") {
                Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, 0)
            })
    }

    /// bind(2) to a new file of this name, which everybody may write to. What comes is waited for in poll(2).
    public static func bind(_ name: String, in directory: String) throws(SystemError) -> DatagramSocket {
        let socket = try make(flags: Int32(SOCK_NONBLOCK.rawValue))
        // A socket's name has room for 107 bytes only.
        let holder = try FileDescriptor.open(directory, O_PATH | O_DIRECTORY)
        let (number, bytes) = (socket.number, Array("/proc/self/fd/\(holder.number)/\(name)".utf8))
        _ = try system("bind to \(directory)/\(name)") {
            bytes.withUnsafeBytes { apus_bind_local(number, $0.baseAddress, $0.count) }
        }
        try FileTree.changeMode("\(directory)/\(name)", 0o777)
        return DatagramSocket(descriptor: socket)
    }

    /// connect(2).
    ///
    /// - Parameter name: a path of any length, or `@` and a name outside of the file system.
    public static func connect(to name: String) throws(SystemError) -> DatagramSocket {
        let socket = try make(flags: 0)
        if name.utf8.first == UInt8(ascii: "@") {
            try connect(socket.number, [0] + name.utf8.dropFirst(), name)
        } else {
            let file = try FileDescriptor.open(name, O_PATH)
            try connect(socket.number, Array("/proc/self/fd/\(file.number)".utf8), name)
        }
        return DatagramSocket(descriptor: socket)
    }

    private static func connect(
        _ number: Int32, _ address: [UInt8], _ name: String
    ) throws(SystemError) {
        _ = try system("connect to \(name)") {
            address.withUnsafeBytes { apus_connect_local(number, $0.baseAddress, $0.count) }
        }
    }

    /// The next datagram, or its beginning; `nil` if there is none. Descriptors that come with it are closed.
    public func receive(limit: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: limit)
        let number = descriptor.number
        let count = try? system("receive") {
            bytes.withUnsafeMutableBytes { recv(number, $0.baseAddress, $0.count, 0) }
        }
        return count.map { Array(bytes[..<$0]) }
    }

    /// - Parameter descriptor: one to go with it.
    public func send(_ text: String, with descriptor: Int32? = nil) throws(SystemError) {
        let (number, bytes) = (self.descriptor.number, Array(text.utf8))
        _ = try system("send \(text)") {
            bytes.withUnsafeBytes { apus_send(number, $0.baseAddress, $0.count, descriptor ?? -1) }
        }
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
