import Glibc

/// Signals as operands of `kill`.
public enum SignalName {
    /// The signal's number: of a name with or without `SIG`, in any case, or of a decimal number that the
    /// kernel takes for a signal. Real-time signals have numbers only; 0 asks whether there is a process.
    public static func number(_ written: String) -> Int32? {
        if let number = Int32(written) { return (0...64).contains(number) ? number : nil }
        var name = written.uppercased()
        if name.utf8.starts(with: "SIG".utf8) { name = String(name.dropFirst(3)) }
        switch name {
        case "HUP": return SIGHUP
        case "INT": return SIGINT
        case "QUIT": return SIGQUIT
        case "ILL": return SIGILL
        case "TRAP": return SIGTRAP
        case "ABRT", "IOT": return SIGABRT
        case "BUS": return SIGBUS
        case "FPE": return SIGFPE
        case "KILL": return SIGKILL
        case "USR1": return SIGUSR1
        case "SEGV": return SIGSEGV
        case "USR2": return SIGUSR2
        case "PIPE": return SIGPIPE
        case "ALRM": return SIGALRM
        case "TERM": return SIGTERM
        case "STKFLT": return SIGSTKFLT
        case "CHLD", "CLD": return SIGCHLD
        case "CONT": return SIGCONT
        case "STOP": return SIGSTOP
        case "TSTP": return SIGTSTP
        case "TTIN": return SIGTTIN
        case "TTOU": return SIGTTOU
        case "URG": return SIGURG
        case "XCPU": return SIGXCPU
        case "XFSZ": return SIGXFSZ
        case "VTALRM": return SIGVTALRM
        case "PROF": return SIGPROF
        case "WINCH": return SIGWINCH
        case "IO", "POLL": return SIGIO
        case "PWR": return SIGPWR
        case "SYS": return SIGSYS
        default: return nil
        }
    }
}
