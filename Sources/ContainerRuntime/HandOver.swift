import Diagnosis
import Glibc
import Kernel

/// A caller's socket that takes one descriptor: a terminal's master (`--console-socket`) or a pidfd
/// (`--pidfd-socket`).
///
/// One connection, one message of one descriptor and a few bytes that name it.
struct HandOver: ~Copyable {
    private let socket: StreamSocket
    private let origin: Failure.Origin

    /// Milliseconds that the caller may take.
    private static let limit = 30_000

    /// Connects.
    ///
    /// - Parameters:
    ///   - path: as given; relative to the working directory as it is now.
    ///   - origin: what gave it.
    init(to path: String, _ origin: Failure.Origin) throws(Failure) {
        self.origin = origin
        socket = try Failure.blaming(origin) { () throws(SystemError) in
            try StreamSocket.connect(toFile: path, deadline: Poll.now() + Self.limit)
        }
    }

    /// Sends the descriptor, and is done.
    consuming func send(_ descriptor: Int32, named name: String) throws(Failure) {
        let origin = origin
        try Failure.blaming(origin) { () throws(SystemError) in
            _ = try socket.send(descriptor: descriptor, with: Array(name.utf8))
        }
    }
}
