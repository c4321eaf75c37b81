import Dispatch
import Glibc

/// Takes the signals that ask a daemon to end, as long as this value lives.
///
/// They stay ignored, which programs that the daemon starts would inherit: Child.spawn(…) gives them the defaults.
final class StopSignals {
    private let sources: [any DispatchSourceSignal]

    /// - Parameter stop: is given the signal's name, on a queue of its own; a second signal calls it again.
    init(_ stop: @escaping @Sendable (String) -> Void) {
        let queue = DispatchQueue(label: "signals")
        sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")].map { number, name in
            // Else it would end the process before anybody could take it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { stop(name) }
            source.activate()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
