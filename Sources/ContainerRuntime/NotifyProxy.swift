import Diagnosis
import Kernel

/// Between a container's process and whoever started the runtime, by sd_notify(3)'s protocol.
///
/// The caller's socket, named by NOTIFY_SOCKET, is not the container's business: it gets one of its own,
/// in a directory of the state directory that is bound on /run/notify. Of all that comes there only `READY=1` goes on.
final class NotifyProxy {
    private let caller: String
    private let directory: String
    private var socket: DatagramSocket?

    static let file = "notify.sock"

    /// - Returns: `nil` if nobody wants to know.
    init?(_ directory: StateDirectory) {
        guard let caller = Environment["NOTIFY_SOCKET"], !caller.isEmpty else { return nil }
        self.caller = caller
        self.directory = directory.notifyPath
    }

    /// Whether the container was made with a socket in mind.
    var isPrepared: Bool { FileTree.exists(directory) }

    /// Makes the directory, which the container's users may look into and nobody writes to.
    func prepare() throws(Failure) {
        try blaming { () throws(SystemError) in
            try FileTree.makeDirectory(directory, mode: 0o755)
            try FileTree.changeMode(directory, 0o755)
        }
    }

    /// Makes the socket. From here on nothing that is said is lost.
    func listen() throws(Failure) {
        try blaming { () throws(SystemError) in
            // Of a start that came to nothing.
            let path = "\(directory)/\(Self.file)"
            if FileTree.exists(path) { try FileTree.unlink(path) }
            socket = try DatagramSocket.bind(Self.file, in: directory)
        }
    }

    /// What can be read from when there is something to serve; `nil` when there is nothing to come.
    var number: Int32? { socket?.descriptor.number }

    /// Serves what has come, and no more once the container is ready.
    ///
    /// - Parameter pid: what the caller is told to look after: the process that stays.
    /// - Returns: whether it is ready.
    func serve(_ pid: Int32) throws(Failure) -> Bool {
        while let datagram = socket?.receive(limit: 4096) {
            guard datagram.split(separator: 0x0a).contains(where: { $0.elementsEqual("READY=1".utf8) }) else {
                continue
            }
            // Nobody is to wait for an answer to what comes later.
            socket = nil
            try tell(pid)
            return true
        }
        return false
    }

    /// Waits until the container is ready or has ended, and then until the caller has understood.
    func wait(for process: Int32, pid: Int32) throws(Failure) {
        while let number {
            let (hasWord, hasEnded) = try blaming { () throws(SystemError) in
                let ready = try Poll.readable([number, process], timeout: nil)
                return (ready[0], ready[1])
            }
            if hasWord, try serve(pid) { return try synchronize() }
            // Its last words are read by now.
            if hasEnded { socket = nil }
        }
    }

    private var understood: FileDescriptor?

    private func tell(_ pid: Int32) throws(Failure) {
        try blaming { () throws(SystemError) in
            let out = try DatagramSocket.connect(to: caller)
            try out.send("READY=1\n")
            try out.send("MAINPID=\(pid)\n")
            // Whoever has read all of this closes the pipe (sd_notify_barrier(3)).
            let pipe = try Pipe.make()
            try out.send("BARRIER=1", with: pipe.writeNumber)
            understood = pipe.takeReadEnd()
        }
    }

    /// Else the caller may look who has sent it when there is nobody any more. Those that do not know the
    /// message are not waited for longer than systemd waits.
    private func synchronize() throws(Failure) {
        guard let number = understood?.number else { return }
        _ = try blaming { () throws(SystemError) in try Poll.readable([number], timeout: 30_000) }
    }

    private func blaming<Result>(_ body: () throws(SystemError) -> Result) throws(Failure) -> Result {
        try Failure.blaming(.option("NOTIFY_SOCKET"), body)
    }
}
