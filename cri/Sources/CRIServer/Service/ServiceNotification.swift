import Diagnosis
import Glibc
import Kernel

/// Tells systemd how the daemon is, by sd_notify(3)'s protocol; does nothing where nobody asked for it.
package struct ServiceNotification: Sendable {
    private let socket: String?

    /// - Parameter socket: where `$NOTIFY_SOCKET` says it listens.
    package init(socket: String? = Environment["NOTIFY_SOCKET"]) { self.socket = socket }

    /// The socket that was named to this process, which takes the name out of its environment: a runtime that found it
    /// would wait until the container's process tells systemd that it is ready (runc's contract of `NOTIFY_SOCKET`).
    ///
    /// Before there are threads (unsetenv(3)) and anything is started.
    package static func claimed() -> ServiceNotification {
        let notification = ServiceNotification()
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) }
        return notification
    }

    /// `READY=1`, `STOPPING=1`, `STATUS=…`; several with line feeds in between.
    package func send(_ state: String) throws(SystemError) {
        guard let socket, !socket.isEmpty else { return }
        try DatagramSocket.connect(to: socket).send(state)
    }
}
