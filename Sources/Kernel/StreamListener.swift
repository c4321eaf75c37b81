import CKernel
import Diagnosis
import Glibc

/// Sockets of the host's unix(7) domain that are to listen.
public enum StreamListener {
    /// A stream socket, bound to a new file of this name; it does not listen yet. Non-blocking, O_CLOEXEC.
    public static func bind(_ name: String, in directory: String) throws(SystemError) -> FileDescriptor {
        let doing = "bind to \(directory)/\(name)"
        let socket = FileDescriptor(
            owning: try system(doing) {
                Glibc.socket(
                    AF_UNIX,
                    Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
                        | Int32(SOCK_NONBLOCK.rawValue), 0)
            })
        // A socket's name has room for 107 bytes only.
        let holder = try FileDescriptor.directory(directory)
        let (number, bytes) = (socket.number, Array("/proc/self/fd/\(holder.number)/\(name)".utf8))
        _ = try system(doing) { bytes.withUnsafeBytes { apus_bind_local(number, $0.baseAddress, $0.count) } }
        return socket
    }

    /// Makes a socket that this process was started with its own: O_CLOEXEC.
    ///
    /// - Returns: the name it is bound to, empty if it is abstract.
    /// - Throws: ENOTSOCK, EINVAL if it is no listening stream socket of the unix domain.
    public static func adopt(_ number: Int32) throws(SystemError) -> String {
        let doing = "take descriptor \(number) for a listening unix socket"
        guard try option(SO_DOMAIN, of: number, doing) == AF_UNIX,
            try option(SO_TYPE, of: number, doing) == Int32(SOCK_STREAM.rawValue),
            try option(SO_ACCEPTCONN, of: number, doing) == 1
        else { throw SystemError(doing, Errno(EINVAL)) }
        _ = try system(doing) { fcntl(number, F_SETFD, FD_CLOEXEC) }
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        _ = try system(doing) {
            withUnsafeMutableBytes(of: &address) {
                getsockname(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
        }
        return withUnsafeBytes(of: &address.sun_path) { path in
            String(decoding: path.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private static func option(
        _ name: Int32, of number: Int32, _ doing: String
    ) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        _ = try system(doing) { getsockopt(number, SOL_SOCKET, name, &value, &length) }
        return value
    }
}
