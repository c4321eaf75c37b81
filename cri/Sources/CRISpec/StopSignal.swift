import CRIProto
import Glibc

/// How a container is told to end.
package struct StopSignal: Equatable, Sendable {
    package var number: Int32
    /// As `ContainerStatus.stop_signal` has it; the default where the interface has no name for the number.
    package var message: Runtime_V1_Signal

    package static let term = StopSignal(number: SIGTERM, message: .sigterm)

    /// The signals of the interface but those of real time, in its order.
    private static let numbers: [(Runtime_V1_Signal, Int32)] = [
        (.sigabrt, SIGABRT), (.sigalrm, SIGALRM), (.sigbus, SIGBUS), (.sigchld, SIGCHLD), (.sigcld, SIGCHLD),
        (.sigcont, SIGCONT), (.sigfpe, SIGFPE), (.sighup, SIGHUP), (.sigill, SIGILL), (.sigint, SIGINT),
        (.sigio, SIGIO), (.sigiot, SIGABRT), (.sigkill, SIGKILL), (.sigpipe, SIGPIPE), (.sigpoll, SIGIO),
        (.sigprof, SIGPROF), (.sigpwr, SIGPWR), (.sigquit, SIGQUIT), (.sigsegv, SIGSEGV),
        (.sigstkflt, 16), (.sigstop, SIGSTOP), (.sigsys, SIGSYS), (.sigterm, SIGTERM), (.sigtrap, SIGTRAP),
        (.sigtstp, SIGTSTP), (.sigttin, SIGTTIN), (.sigttou, SIGTTOU), (.sigurg, SIGURG), (.sigusr1, SIGUSR1),
        (.sigusr2, SIGUSR2), (.sigvtalrm, SIGVTALRM), (.sigwinch, SIGWINCH), (.sigxcpu, SIGXCPU),
        (.sigxfsz, SIGXFSZ),
    ]

    /// SIGRTMIN of glibc and musl, and the kernel's last.
    private static let realTime: ClosedRange<Int32> = 34...64

    /// Nil for the default and for what api.proto does not have.
    package init?(_ message: Runtime_V1_Signal) {
        if let known = Self.numbers.first(where: { $0.0 == message }) {
            self.init(number: known.1, message: message)
            return
        }
        let first = Runtime_V1_Signal.sigrtmin.rawValue
        guard (first...Runtime_V1_Signal.sigrtmax.rawValue).contains(message.rawValue) else { return nil }
        self.init(number: Self.realTime.lowerBound + Int32(message.rawValue - first), message: message)
    }

    /// Of an image: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`, `RTMAX-1`.
    package init?(_ text: String) {
        if let number = Int32(text) {
            self.init(number: number)
            return
        }
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        if let known = Self.numbers.first(where: { "\($0.0)".uppercased().dropFirst(3) == name }) {
            self.init(number: known.1, message: known.0)
            return
        }
        if name == "RTMIN" || name == "RTMAX" { name += name == "RTMIN" ? "+0" : "-0" }
        if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) {
            self.init(number: Self.realTime.lowerBound + offset)
        } else if name.hasPrefix("RTMAX-"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) {
            self.init(number: Self.realTime.upperBound - offset)
        } else {
            return nil
        }
    }

    private init(number: Int32, message: Runtime_V1_Signal) {
        self.number = number
        self.message = message
    }

    private init?(number: Int32) {
        if Self.realTime.contains(number) {
            let offset = Int(number - Self.realTime.lowerBound)
            guard let message = Runtime_V1_Signal(rawValue: Runtime_V1_Signal.sigrtmin.rawValue + offset)
            else {
                return nil
            }
            self.init(number: number, message: message)
        } else {
            guard let known = Self.numbers.first(where: { $0.1 == number }) else { return nil }
            self.init(number: number, message: known.0)
        }
    }
}
