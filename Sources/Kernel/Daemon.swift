import CKernel
import Diagnosis
import Glibc

/// Leaving whoever has started this process (daemon(7)).
public enum Daemon {
    /// Which of the two processes goes on after fork(2).
    public enum Side: Equatable, Sendable {
        case parent(child: Int32)
        case child
    }

    /// fork(2), of a process with one thread.
    public static func fork() throws(SystemError) -> Side {
        let pid = try system("fork") { apus_fork() }
        return pid == 0 ? .child : .parent(child: pid)
    }

    /// _exit(2).
    public static func leave(_ status: Int32) -> Never { _exit(status) }

    /// setsid(2).
    public static func startSession() throws(SystemError) { _ = try system("setsid") { setsid() } }

    /// Descriptors 0, 1 and 2 become the null device.
    public static func leaveStandardDescriptors() throws(SystemError) {
        let null = try FileDescriptor.open("/dev/null", O_RDWR)
        let number = null.number
        for standard in Int32(0)...2 { _ = try system("dup2 /dev/null") { dup2(number, standard) } }
    }

    /// umask(2).
    public static func setFileModeMask(_ mask: UInt32) { _ = umask(mask) }

    /// SIGHUP and SIGPIPE are ignored.
    public static func ignoreHangups() {
        _ = Glibc.signal(SIGHUP, SIG_IGN)
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
    }
}

/// PID 1 of a pid namespace that several containers share.
public enum PauseProcess {
    /// Clones it into the caller's namespaces and ones of its own for pids and mounts. It comes to the nearest
    /// subreaper when the caller ends; which it has to do: its descriptors 0 and 1 are changed.
    public static func launch() throws(SystemError) -> Int32 {
        let pipe = try Pipe.make()
        let report = pipe.writeNumber
        let pid = try system("clone3 with CLONE_NEWPID") { launch_pause(report) }
        // The copies in this process would keep the pipe from its end.
        _ = Glibc.close(1)
        _ = Glibc.close(100)
        let words = try pipe.takeReadEnd().readAll(limit: 8, name: "the report of the pause process")
        guard words.count == 8 else { return pid }
        let error = words[4..<8].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        throw SystemError(
            words[0] == 0 ? "pause: enter an empty root" : "pause: give up its rights",
            Errno(Int32(bitPattern: error)))
    }
}
