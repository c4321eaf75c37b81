import Diagnosis
import Glibc
import Kernel

/// The unix socket that the daemon listens on: bound by itself, or by systemd before it was started.
package struct ListeningSocket: ~Copyable {
    let descriptor: FileDescriptor
    /// The file that goes when the daemon ends; nil for a socket that is not its own.
    let ownPath: String?
    /// Where clients find it.
    package let path: String

    /// Binds a new socket, which nobody can connect to until ``DaemonServer`` listens. A socket of this name that nobody
    /// listens on, as a killed daemon leaves it, makes room.
    ///
    /// - Parameters:
    ///   - path: absolute; its directory is made if it is missing.
    ///   - mode: who may connect: those who may write (unix(7)).
    /// - Throws: EADDRINUSE if another process listens there, EEXIST if the file is no socket.
    package static func bind(
        _ path: String, mode: UInt32, uid: UInt32? = nil, gid: UInt32? = nil
    ) throws(Failure) -> ListeningSocket {
        let (directory, name) = split(path)
        return try Failure.blaming(.option("socket")) { () throws(SystemError) -> ListeningSocket in
            try FileTree.makeDirectories(directory, mode: 0o755)
            try removeStale(path)
            let socket = try StreamListener.bind(name, in: directory)
            do throws(SystemError) {
                try FileTree.changeMode(path, mode)
                if uid != nil || gid != nil {
                    try FileTree.changeOwner(path, uid: uid ?? .max, gid: gid ?? .max)
                }
            } catch {
                try? FileTree.unlink(path)
                throw error
            }
            return ListeningSocket(descriptor: socket, ownPath: path, path: path)
        }
    }

    /// The socket that was passed by sd_listen_fds(3)'s protocol; nil if none was meant for this process.
    package static func activated() throws(Failure) -> ListeningSocket? {
        // What the daemon starts must not think that they are its own.
        defer { for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) } }
        guard let count = Environment["LISTEN_FDS"].flatMap({ Int($0) }), count > 0,
            let pid = Environment["LISTEN_PID"].flatMap({ Int32($0) }), pid == ProcessControl.ownPID
        else { return nil }
        guard count == 1 else {
            throw Failure(
                .option("LISTEN_FDS"), reason: "\(count) sockets were passed",
                remedy: "let the socket unit have one ListenStream= only")
        }
        // SD_LISTEN_FDS_START
        let path = try Failure.blaming(.option("LISTEN_FDS"), remedy: "use ListenStream= with a path") {
            () throws(SystemError) in try StreamListener.adopt(3)
        }
        guard !path.isEmpty else {
            throw Failure(
                .option("LISTEN_FDS"), reason: "the socket has no path",
                remedy: "use ListenStream= with a path")
        }
        return ListeningSocket(descriptor: FileDescriptor(owning: 3), ownPath: nil, path: path)
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = String(path[..<slash])
        return (directory.isEmpty ? "/" : directory, String(path[path.index(after: slash)...]))
    }

    private static func removeStale(_ path: String) throws(SystemError) {
        let status: FileStatus
        do throws(SystemError) { status = try FileTree.statusOfLink(path) } catch {
            if error.errno == Errno(ENOENT) { return }
            throw error
        }
        guard status.isSocket else { throw SystemError("bind to \(path)", Errno(EEXIST)) }
        do throws(SystemError) {
            _ = try StreamSocket.connect(toFile: path, deadline: Poll.now() + 1000)
        } catch {
            // Its listener has ended.
            if error.errno == Errno(ECONNREFUSED) { return try FileTree.unlink(path) }
            // The queue of one that lives, but does not answer.
            if error.errno != Errno(ETIMEDOUT) { throw error }
        }
        throw SystemError("bind to \(path)", Errno(EADDRINUSE))
    }
}
