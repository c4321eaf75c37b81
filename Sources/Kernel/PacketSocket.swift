import CKernel
import Diagnosis
import Glibc

/// SOCK_SEQPACKET sockets of the host's unix(7) domain, with names. None of their calls waits.
public enum PacketSocket {
    private static func make() throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try system("make a socket") {
                Glibc.socket(
                    AF_UNIX,
                    Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
                        | Int32(SOCK_NONBLOCK.rawValue), 0)
            })
    }

    /// bind(2) and listen(2) at a new file that only its owner may connect to.
    ///
    /// - Parameter path: of any length.
    /// - Throws: EADDRINUSE if there is a file.
    public static func listen(at path: String) throws(SystemError) -> FileDescriptor {
        try Listener.bind(try make(), path)
    }

    /// connect(2).
    ///
    /// - Parameter path: of any length.
    public static func connect(to path: String) throws(SystemError) -> FileDescriptor {
        let file = try FileDescriptor.open(path, O_PATH)
        let socket = try make()
        let (number, address) = (socket.number, Array("/proc/self/fd/\(file.number)".utf8))
        _ = try system("connect to \(path)") {
            address.withUnsafeBytes { apus_connect_local(number, $0.baseAddress, $0.count) }
        }
        return socket
    }

    /// The next that has connected; `nil` if nobody has.
    public static func accept(_ listener: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor? {
        try Listener.accept(listener)
    }

    /// The user who has connected, or who listened when we did (SO_PEERCRED).
    public static func peer(of socket: borrowing FileDescriptor) throws(SystemError) -> UInt32 {
        var user: UInt32 = 0
        let number = socket.number
        _ = try system("ask who is at the other end") { apus_peer_user(number, &user) }
        return user
    }

    /// shutdown(2): the other end sees the end, whoever else has the socket open.
    public static func shutDown(_ socket: borrowing FileDescriptor) {
        _ = Glibc.shutdown(socket.number, Int32(SHUT_RDWR))
    }

    /// What has come.
    public struct Packet: Sendable {
        /// Its beginning only, if it is longer than was asked for.
        public let bytes: [UInt8]
        /// Of the whole packet.
        public let length: Int
        public let descriptors: PassedDescriptors
    }

    /// The next packet, up to a number of bytes and of descriptors; `nil` if there is none. No bytes at all mean that
    /// the other end is closed.
    public static func receive(
        _ socket: borrowing FileDescriptor, limit: Int, descriptors most: Int
    ) throws(SystemError) -> Packet? {
        let number = socket.number
        do throws(SystemError) {
            // Memory for what there is, rather than for what there could be.
            let length = try system("receive") { apus_next_length(number) }
            var failure: SystemError?
            var passed = [Int32](repeating: -1, count: most)
            var count = most
            let bytes = [UInt8](unsafeUninitializedCapacity: max(1, min(length, limit))) { room, filled in
                do throws(SystemError) {
                    filled = try system("receive") {
                        apus_receive_with(number, room.baseAddress, room.count, &passed, &count)
                    }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return Packet(
                bytes: bytes, length: length, descriptors: PassedDescriptors(Array(passed[..<count])))
        } catch  where error.errno == Errno(EAGAIN) {
            return nil
        } catch  where error.errno == Errno(ECONNRESET) {
            return Packet(bytes: [], length: 0, descriptors: PassedDescriptors([]))
        }
    }

    /// One packet.
    ///
    /// - Returns: whether it went; `false` if the other end does not take them as fast as they come.
    /// - Throws: EPIPE if the other end is closed; EMSGSIZE.
    public static func send(
        _ bytes: [UInt8], descriptors: [Int32] = [], to socket: borrowing FileDescriptor
    ) throws(SystemError) -> Bool {
        let number = socket.number
        do throws(SystemError) {
            _ = try system("send") {
                bytes.withUnsafeBytes {
                    apus_send_with(number, $0.baseAddress, $0.count, descriptors, descriptors.count)
                }
            }
            return true
        } catch  where error.errno == Errno(EAGAIN) {
            return false
        }
    }
}

/// Stream sockets at which a runtime hands over a terminal (`--console-socket`).
public enum ConsoleListener {
    /// As ``PacketSocket/listen(at:)``.
    public static func listen(at path: String) throws(SystemError) -> FileDescriptor {
        try Listener.bind(
            FileDescriptor(
                owning: try system("make a socket") {
                    Glibc.socket(
                        AF_UNIX,
                        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
                            | Int32(SOCK_NONBLOCK.rawValue), 0)
                }), path)
    }

    /// As ``PacketSocket/accept(_:)``.
    public static func accept(_ listener: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor? {
        try Listener.accept(listener)
    }

    /// The descriptor that has come; `nil` if there is none yet.
    ///
    /// - Throws: EPIPE if none will come.
    public static func take(from socket: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor? {
        let number = socket.number
        var room: (UInt64, UInt64) = (0, 0)
        var passed: Int32 = -1
        var count = 1
        let length: Int
        do throws(SystemError) {
            length = try system("receive a terminal") {
                withUnsafeMutableBytes(of: &room) {
                    apus_receive_with(number, $0.baseAddress, $0.count, &passed, &count)
                }
            }
        } catch  where error.errno == Errno(EAGAIN) {
            return nil
        }
        if count == 1 { return FileDescriptor(owning: passed) }
        if length == 0 { throw SystemError("receive a terminal", Errno(EPIPE)) }
        return nil
    }
}

/// What all kinds of listening sockets share.
private enum Listener {
    static func bind(
        _ socket: consuming FileDescriptor, _ path: String
    ) throws(SystemError) -> FileDescriptor {
        // A socket's name has room for 107 bytes only.
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        let holder = try FileDescriptor.directory(directory)
        let (number, address) = (socket.number, Array("/proc/self/fd/\(holder.number)/\(name)".utf8))
        // Nobody can connect before listen(2), so the mode comes in time.
        _ = try system("bind to \(path)") {
            address.withUnsafeBytes { apus_bind_local(number, $0.baseAddress, $0.count) }
        }
        try FileTree.changeMode(path, 0o600)
        _ = try system("listen at \(path)") { Glibc.listen(number, 64) }
        return socket
    }

    static func accept(_ listener: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor? {
        let number = listener.number
        do throws(SystemError) {
            return FileDescriptor(owning: try system("accept") { apus_accept(number) })
        } catch  where error.errno == Errno(EAGAIN) || error.errno == Errno(ECONNABORTED) {
            return nil
        }
    }
}

/// Descriptors that came with a packet. Those that nobody takes are closed.
///
/// Not for several threads at once: it is on its way from the one that receives to the one that takes.
public final class PassedDescriptors: @unchecked Sendable {
    private var numbers: [Int32]

    init(_ numbers: [Int32]) { self.numbers = numbers }

    public var count: Int { numbers.count }

    /// The one at that place; `nil` if it has been taken, or has not come.
    public func take(_ place: Int) -> FileDescriptor? {
        guard numbers.indices.contains(place), numbers[place] >= 0 else { return nil }
        defer { numbers[place] = -1 }
        return FileDescriptor(owning: numbers[place])
    }

    /// The number of the one at that place, which stays here.
    public func number(_ place: Int) -> Int32? {
        numbers.indices.contains(place) && numbers[place] >= 0 ? numbers[place] : nil
    }

    /// Closes all.
    public func close() {
        for number in numbers where number >= 0 { _ = Glibc.close(number) }
        numbers = []
    }

    deinit { close() }
}
