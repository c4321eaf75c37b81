import Kernel

/// Descriptors that the caller passes by sd_listen_fds(3)'s protocol.
struct SocketActivation {
    let descriptors: Int

    /// Counts them, if they are meant for this process.
    static var current: SocketActivation {
        guard let count = Environment["LISTEN_FDS"].flatMap({ Int($0) }), count > 0,
            let pid = Environment["LISTEN_PID"].flatMap({ Int32($0) }), pid == ProcessControl.ownPID
        else { return SocketActivation(descriptors: 0) }
        return SocketActivation(descriptors: count)
    }
}
