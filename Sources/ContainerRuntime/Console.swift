import Diagnosis
import Kernel

/// What becomes of the master's end of a process's terminal: it goes to the caller's socket, or stays here and
/// the caller's own terminal works it.
final class Console {
    private var socket: HandOver?
    private var relay: TerminalRelay?

    /// Connects to the socket, if there is one.
    ///
    /// - Parameters:
    ///   - socket: an absolute path.
    ///   - isWanted: whether the process is to have a terminal at all.
    ///   - detaches: whether this process leaves before that one ends.
    /// - Throws: a combination that cannot work, in the words that callers know.
    init(socket: String?, isWanted: Bool, detaches: Bool) throws(Failure) {
        if let socket, !isWanted || !detaches {
            throw Failure(
                .option("--console-socket"),
                reason: "\(socket): cannot use console socket if runc will not detach or allocate tty",
                remedy: isWanted ? "detach" : "ask for a terminal")
        }
        if isWanted && detaches && socket == nil {
            throw Failure(
                "cannot allocate tty if runc will detach without setting console socket",
                remedy: "name one with --console-socket, or do without a terminal")
        }
        if let socket { self.socket = try HandOver(to: socket, .option("--console-socket")) }
    }

    /// Takes the master.
    func take(_ master: consuming FileDescriptor) throws(Failure) {
        if let socket = socket.take() {
            try socket.send(master.number, named: "/dev/ptmx")
        } else {
            relay = TerminalRelay(master: master)
        }
    }

    /// As ``Stage/attend(_:onResize:meanwhile:)``, with the caller's terminal, if there is one, in raw mode
    /// meanwhile.
    func attend(_ stage: Stage, _ signals: borrowing SignalQueue) throws(Failure) -> ExitStatus {
        guard let relay else { return try stage.attend(signals) { (_) throws(SystemError) in } }
        guard let caller = RawMode.ofCaller() else { return try carry(stage, signals, relay, nil) }
        // As it was again on every way out of here.
        let status = try carry(stage, signals, relay, caller.number)
        caller.end()
        return status
    }

    private func carry(
        _ stage: Stage, _ signals: borrowing SignalQueue, _ relay: TerminalRelay, _ caller: Int32?
    ) throws(Failure) -> ExitStatus {
        if let caller { relay.copySize(from: caller) }
        let status = try stage.attend(
            signals, onResize: { if let caller { relay.copySize(from: caller) } }
        ) { (descriptor) throws(SystemError) in try relay.carry(until: descriptor) }
        try Failure.blaming { () throws(SystemError) in try relay.drain() }
        return status
    }
}
