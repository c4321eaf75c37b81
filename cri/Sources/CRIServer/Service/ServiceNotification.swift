import Diagnosis
import Kernel

/// Tells systemd how the daemon is, by sd_notify(3)'s protocol; does nothing where nobody asked for it.
package struct ServiceNotification: Sendable {
    private let socket: String?

    /// - Parameter socket: where `$NOTIFY_SOCKET` says it listens.
    package init(socket: String? = Environment["NOTIFY_SOCKET"]) { self.socket = socket }

    /// `READY=1`, `STOPPING=1`, `STATUS=…`; several with line feeds in between.
    package func send(_ state: String) throws(SystemError) {
        guard let socket, !socket.isEmpty else { return }
        try DatagramSocket.connect(to: socket).send(state)
    }
}
