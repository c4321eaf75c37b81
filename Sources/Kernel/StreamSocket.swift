import CKernel
import Diagnosis
import Glibc

/// A connected stream socket of the host's unix(7) domain, used with time limits.
public struct StreamSocket: ~Copyable, Sendable {
    public let descriptor: FileDescriptor

    /// The name that a socket listens at.
    public enum Name: Equatable, Sendable {
        /// A file. At most 107 bytes.
        case path(String)
        /// A name outside of the file system (unix(7), "abstract"), bytes of any kind.
        case abstract([UInt8])

        var bytes: [UInt8] {
            switch self {
            case .path(let path): Array(path.utf8)
            case .abstract(let name): [0] + name
            }
        }
    }

    /// connect(2). The descriptor is non-blocking: what waits here waits in poll(2).
    ///
    /// - Parameter deadline: in milliseconds of ``Poll/now()``.
    /// - Throws: ENAMETOOLONG, ETIMEDOUT if the listener's queue stays full, or the kernel's answer.
    public static func connect(to name: Name, deadline: Int) throws(SystemError) -> StreamSocket {
        let doing = "connect to \(name)"
        let socket = FileDescriptor(
            owning: try system(doing) {
                Glibc.socket(
                    AF_UNIX,
                    Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
                        | Int32(SOCK_NONBLOCK.rawValue), 0)
            })
        let (number, bytes) = (socket.number, name.bytes)
        while true {
            do throws(SystemError) {
                _ = try system(doing) {
                    bytes.withUnsafeBytes { apus_connect_local(number, $0.baseAddress, $0.count) }
                }
                return StreamSocket(descriptor: socket)
            } catch  where error.errno == Errno(EAGAIN) {
                // The queue of the listener is full, which no poll tells the end of.
                if Poll.now() >= deadline { throw SystemError(doing, Errno(ETIMEDOUT)) }
                usleep(10_000)
            }
        }
    }

    /// As ``connect(to:deadline:)``, for a path of any length: a socket's name has room for 107 bytes only.
    public static func connect(toFile path: String, deadline: Int) throws(SystemError) -> StreamSocket {
        let file = try FileDescriptor.open(path, O_PATH)
        do throws(SystemError) {
            return try connect(to: .path("/proc/self/fd/\(file.number)"), deadline: deadline)
        } catch {
            throw SystemError("connect to \(path)", error.errno)
        }
    }

    init(descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Sends all of the bytes.
    ///
    /// - Throws: ETIMEDOUT, EPIPE if the other end is closed.
    public func send(_ bytes: [UInt8], deadline: Int) throws(SystemError) {
        let number = descriptor.number
        var offset = 0
        while offset < bytes.count {
            do throws(SystemError) {
                offset += try system("send") {
                    bytes.withUnsafeBytes {
                        Glibc.send(
                            number, $0.baseAddress! + offset, $0.count - offset, Int32(MSG_NOSIGNAL))
                    }
                }
            } catch  where error.errno == Errno(EAGAIN) {
                try wait(for: POLLOUT, until: deadline, "send")
            }
        }
    }

    /// Sends a descriptor along with some bytes, in one message (unix(7), SCM_RIGHTS).
    ///
    /// - Returns: how many of the bytes went with it: all, unless they are too many for the socket's buffer.
    @discardableResult
    public func send(descriptor passed: Int32, with bytes: [UInt8]) throws(SystemError) -> Int {
        let number = descriptor.number
        return Int(
            try system("send a descriptor") {
                bytes.withUnsafeBytes { apus_send(number, $0.baseAddress, $0.count, passed) }
            })
    }

    /// What has come, at most `limit` bytes; waits for the first one. Empty if the other end is closed.
    ///
    /// Descriptors that come along are not taken.
    /// - Throws: ETIMEDOUT.
    public func receive(limit: Int, deadline: Int) throws(SystemError) -> [UInt8] {
        while true {
            do throws(SystemError) {
                return try descriptor.read(limit, name: "socket")
            } catch  where error.errno == Errno(EAGAIN) {
                try wait(for: POLLIN, until: deadline, "receive")
            } catch  where error.errno == Errno(ECONNRESET) {
                // The other end was closed with something of ours unread: closed is closed.
                return []
            }
        }
    }

    private func wait(for event: Int32, until deadline: Int, _ doing: String) throws(SystemError) {
        var entry = pollfd(fd: descriptor.number, events: Int16(event), revents: 0)
        while true {
            let left = deadline - Poll.now()
            if left <= 0 { throw SystemError(doing, Errno(ETIMEDOUT)) }
            let count = poll(&entry, 1, Int32(clamping: left))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw SystemError("poll", Errno(errno)) }
        }
    }
}

extension StreamSocket.Name: CustomStringConvertible {
    public var description: String {
        switch self {
        case .path(let path): path
        case .abstract(let name): "@" + String(decoding: name, as: UTF8.self)
        }
    }
}
