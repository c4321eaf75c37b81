import CKernel
import Diagnosis
import Glibc

/// How a process ended (wait(2)).
public enum ExitStatus: Equatable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)

    /// As a shell has it: 128 and the signal.
    public var shellStatus: Int32 {
        switch self {
        case .exited(let status): status
        case .killed(let signal): 128 + signal
        }
    }
}

/// Calls on processes.
public enum ProcessControl {
    /// pidfd_open(2).
    public static func open(pid: Int32) throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try system("pidfd_open \(pid)") { apus_pidfd_open(pid, 0) })
    }

    /// pidfd_send_signal(2).
    public static func signal(_ pidfd: borrowing FileDescriptor, _ signal: Int32) throws(SystemError) {
        let number = pidfd.number
        _ = try system("send signal \(signal)") { apus_pidfd_send_signal(number, signal) }
    }

    /// pidfd_getfd(2): a duplicate of a descriptor of another process.
    public static func take(
        descriptor: Int32, of pidfd: borrowing FileDescriptor, name: String
    ) throws(SystemError) -> FileDescriptor {
        let number = pidfd.number
        return FileDescriptor(owning: try system("take \(name)") { apus_pidfd_getfd(number, descriptor) })
    }

    /// kill(2); a negative number is a process group.
    public static func signal(pid: Int32, _ signal: Int32) throws(SystemError) {
        _ = try system("send signal \(signal) to \(pid)") { kill(pid, signal) }
    }

    /// Reaps a child; `nil` if it is no child of ours.
    public static func wait(pid: Int32) -> ExitStatus? {
        var status: Int32 = 0
        while true {
            let result = waitpid(pid, &status, 0)
            if result == pid { return decode(status) }
            if result < 0 && errno != EINTR { return nil }
        }
    }

    /// The children of this process, those that it was given as a subreaper too (proc_tid_children(5)).
    ///
    /// - Returns: `nil` from a kernel without CONFIG_PROC_CHILDREN.
    public static var children: Set<Int32>? {
        guard let text = try? FileTree.readText("/proc/thread-self/children") else { return nil }
        return Set(text.split(separator: " ").compactMap { Int32($0) })
    }

    /// Whether it is a child of this process that has not been reaped, be it one that has ended.
    public static func isChild(_ pid: Int32) -> Bool {
        var information = siginfo_t()
        return waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0
    }

    /// Reaps any one child that has ended; `nil` if none has.
    public static func reapOne() -> (pid: Int32, status: ExitStatus)? {
        var status: Int32 = 0
        let pid = waitpid(-1, &status, WNOHANG)
        return pid > 0 ? (pid, decode(status)) : nil
    }

    private static func decode(_ status: Int32) -> ExitStatus {
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    }

    /// prlimit(2): sets a limit of another process. The resource is RLIMIT_*.
    public static func setLimit(
        pid: Int32, resource: Int32, name: String, soft: UInt64, hard: UInt64
    ) throws(SystemError) {
        _ = try system("set \(name) to \(soft):\(hard)") {
            apus_prlimit(pid, resource, soft, hard)
        }
    }

    /// prctl(PR_SET_CHILD_SUBREAPER).
    public static func becomeSubreaper() throws(SystemError) {
        _ = try system("become a subreaper") { apus_prctl(PR_SET_CHILD_SUBREAPER, 1) }
    }

    /// prctl(PR_SET_DUMPABLE, 0): nobody without CAP_SYS_PTRACE here may look into this process.
    public static func becomeUndumpable() throws(SystemError) {
        _ = try system("become undumpable") { apus_prctl(PR_SET_DUMPABLE, 0) }
    }

    /// Whether this process runs in a user namespace that maps less than everything.
    public static var isInUserNamespace: Bool {
        // The initial namespace has one line: 0 0 4294967295.
        guard let map = try? FileTree.read("/proc/self/uid_map") else { return false }
        var words = ""
        for byte in map {
            if byte != 0x20 && byte != 0x0a {
                words.unicodeScalars.append(Unicode.Scalar(byte))
            } else if let last = words.utf8.last, last != 0x20 {
                words += " "
            }
        }
        return words != "0 0 4294967295 "
    }

    /// The permitted set of this process (capget(2)), a bit for each capability.
    public static var permittedCapabilities: UInt64 { apus_permitted_capabilities() }

    public static var effectiveUID: UInt32 { geteuid() }
    public static var effectiveGID: UInt32 { getegid() }
    public static var ownPID: Int32 { getpid() }

    /// Lets a process run on every CPU that its cgroup allows. Best effort: where that is forbidden, it stays.
    public static func resetAffinity(pid: Int32) { _ = apus_reset_affinity(pid) }

    /// sched_setaffinity(2); 0 is the calling process.
    public static func setAffinity(pid: Int32, cpus: Set<UInt32>) throws(SystemError) {
        // Words in the machine's order, as the kernel's bitmaps are; room for the highest of them.
        var words = [UInt](repeating: 0, count: Int(cpus.max() ?? 0) / UInt.bitWidth + 1)
        for cpu in cpus { words[Int(cpu) / UInt.bitWidth] |= 1 << (Int(cpu) % UInt.bitWidth) }
        _ = try system("set the CPU affinity") {
            words.withUnsafeBytes { apus_set_affinity(pid, $0.baseAddress, $0.count) }
        }
    }

    /// SIGCHLD to its default disposition: ignored, it would make children vanish without a status.
    public static func resetChildSignal() { _ = Glibc.signal(SIGCHLD, SIG_DFL) }

    /// The pid that a process has in its own pid namespace (`NSpid` in proc_pid_status(5)); the same if that
    /// cannot be told.
    public static func innerPID(of pid: Int32) -> Int32 {
        guard let status = try? FileTree.read("/proc/\(pid)/status") else { return pid }
        for line in status.split(separator: 0x0a) where line.starts(with: Array("NSpid:".utf8)) {
            let last = line.split { $0 == 0x09 || $0 == 0x20 }.last
            return last.flatMap { Int32(String(decoding: $0, as: UTF8.self)) } ?? pid
        }
        return pid
    }

    /// Every open descriptor from `first` on will close on exec.
    public static func closeOnExec(from first: Int32) throws(SystemError) {
        do throws(SystemError) {
            _ = try system("close_range") {
                apus_close_range(UInt32(first), .max, UInt32(CLOSE_RANGE_CLOEXEC))
            }
        } catch  where error.errno == Errno(ENOSYS) || error.errno == Errno(EINVAL) {
            // Linux 5.10 has close_range without the flag.
            for name in try FileTree.list("/proc/self/fd") {
                if let number = Int32(name), number >= first { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
            }
        }
    }

    /// Whether it is an open descriptor that this program was started with: each that it opens itself is O_CLOEXEC.
    public static func isInherited(_ number: Int32) -> Bool { fcntl(number, F_GETFD) == 0 }

    /// keyctl(2): a session keyring of this name for this process and those that it starts.
    ///
    /// - Parameter othersMaySearch: whether who comes later may join it under another user's ID.
    public static func joinKeyring(_ name: String, othersMaySearch: Bool) throws(SystemError) {
        // KEY_OTH_SEARCH, or KEY_USR_SEARCH.
        let permissions: UInt32 = othersMaySearch ? 0x8 : 0x80000
        do throws(SystemError) {
            _ = try system("join the session keyring \(name)") { apus_join_keyring(name, permissions) }
        } catch  where error.errno == Errno(ENOSYS) || error.errno == Errno(EPERM) {
            // Without it the caller's is shared, as at the creation of a container.
        }
    }

    /// nanosleep(2); a signal cuts it short.
    public static func sleep(milliseconds: Int) {
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        nanosleep(&time, nil)
    }
}
