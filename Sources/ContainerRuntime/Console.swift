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

    /// As ``Attended/attend(_:onResize:meanwhile:)``, with the caller's terminal, if there is one, in raw mode
    /// meanwhile.
    ///
    /// - Parameter notify: is served meanwhile, too.
    func attend(
        _ process: some Attended, _ signals: borrowing SignalQueue, _ notify: NotifyProxy? = nil
    ) throws(Failure) -> ExitStatus {
        guard let relay else {
            return try process.attend(signals) { (descriptor) throws(SystemError) in
                guard let notify else { return }
                try Self.serve(notify, until: descriptor) { (numbers) throws(SystemError) in
                    _ = try Poll.readable(numbers, timeout: nil)
                }
            }
        }
        guard let caller = RawMode.ofCaller() else { return try carry(process, signals, relay, notify, nil) }
        // As it was again on every way out of here.
        let status = try carry(process, signals, relay, notify, caller.number)
        caller.end()
        return status
    }

    private func carry(
        _ process: some Attended, _ signals: borrowing SignalQueue, _ relay: TerminalRelay,
        _ notify: NotifyProxy?,
        _ caller: Int32?
    ) throws(Failure) -> ExitStatus {
        if let caller { relay.copySize(from: caller) }
        let status = try process.attend(
            signals, onResize: { if let caller { relay.copySize(from: caller) } }
        ) { (descriptor) throws(SystemError) in
            guard let notify else { return try relay.carry(until: [descriptor]) }
            try Self.serve(notify, until: descriptor) { (numbers) throws(SystemError) in
                try relay.carry(until: numbers)
            }
        }
        try Failure.blaming { () throws(SystemError) in try relay.drain() }
        return status
    }

    /// Until there is something to read from `descriptor`.
    ///
    /// - Parameter wait: for something to read from one of several.
    private static func serve(
        _ notify: NotifyProxy, until descriptor: Int32, wait: ([Int32]) throws(SystemError) -> Void
    ) throws(SystemError) {
        while let number = notify.number {
            try wait([descriptor, number])
            // It is this process that stays. A caller who is gone is told nothing.
            _ = try? notify.serve(ProcessControl.ownPID)
            if try Poll.readable([descriptor], timeout: 0)[0] { return }
        }
        try wait([descriptor])
    }
}
