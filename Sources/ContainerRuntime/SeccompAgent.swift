import Diagnosis
import Kernel
import LaunchPlan
import OCISpec

/// The connection to a seccomp agent, who answers for a container the system calls that its profile leaves
/// to him (config-linux.md, "listenerPath").
///
/// One connection takes one message: the listener's descriptor and the state of the container.
struct SeccompAgent: ~Copyable {
    private let socket: StreamSocket
    private let container: State
    private let metadata: String?

    private static let origin = Failure.Origin.config("/linux/seccomp/listenerPath")
    private static let remedy = "start the agent before the container"

    /// Milliseconds that the agent may take.
    private static let limit = 30_000

    private static func path(_ listener: Plan.SeccompListener, _ bundle: String) -> String {
        listener.path.hasPrefix("/") ? listener.path : "\(bundle)/\(listener.path)"
    }

    /// Says early that no agent can be there, if the plan needs one.
    static func check(_ listener: Plan.SeccompListener?, bundle: String) throws(Failure) {
        guard let listener else { return }
        let path = path(listener, bundle)
        let status = try Failure.blaming(origin, remedy: remedy) { () throws(SystemError) in
            try FileTree.status(path)
        }
        if !status.isSocket { throw Failure(origin, reason: "\(path) is no socket", remedy: remedy) }
    }

    /// Connects.
    init(_ listener: Plan.SeccompListener, of container: State) throws(Failure) {
        self.container = container
        metadata = listener.metadata
        let path = Self.path(listener, container.bundle)
        socket = try Failure.blaming(Self.origin, remedy: Self.remedy) { () throws(SystemError) in
            try StreamSocket.connect(toFile: path, deadline: Poll.now() + Self.limit)
        }
    }

    /// Sends the listener of a process, and is done. In a container without a process, that is the first.
    consuming func send(_ listener: borrowing FileDescriptor, of pid: Int32) throws(Failure) {
        var state = container
        if state.pid == 0 { state.pid = pid }
        let text = Array(state.seccompListenerJSON(pid: pid, metadata: metadata).utf8)
        let number = listener.number
        do throws(SystemError) {
            let sent = try socket.send(descriptor: number, with: text)
            if sent < text.count {
                try socket.send(Array(text[sent...]), deadline: Poll.now() + Self.limit)
            }
        } catch {
            throw Failure(
                Self.origin, doing: "pass the seccomp listener on: \(error.doing)", errno: error.errno)
        }
    }
}
