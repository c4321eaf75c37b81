import Cgroups
import Diagnosis
import Glibc
import Kernel

/// A container's processes: those in its cgroup; without one, those in its own pid namespace, or with its mark.
extension ContainerRecord {
    /// Their pids, as the host sees them. Of a stopped container too: what shares the pid namespace with others
    /// outlives the init process.
    func pids() throws(Failure) -> [Int32] {
        if !cgroup.isEmpty { return try cgroup.pids() }
        if let mark { return try mark.pids() }
        return hasPrivatePIDNamespace && isInitAlive() ? try pidsOfNamespace() : []
    }

    private func pidsOfNamespace() throws(Failure) -> [Int32] {
        guard let own = Self.pidNamespace(of: initPID) else { return [initPID] }
        let all = try Failure.blaming { () throws(SystemError) in try FileTree.list("/proc") }
        // Those of namespaces below it are not found; whoever makes such is seldom seen, and dies with the others.
        return all.compactMap { Int32($0) }.filter { Self.pidNamespace(of: $0) == own }
    }

    private static func pidNamespace(of pid: Int32) -> String? {
        try? FileTree.readLink("/proc/\(pid)/ns/pid")
    }

    /// A signal for every one.
    func signalAll(_ signal: Int32) throws(Failure) {
        try cgroup.signalAll(signal)
        if cgroup.isEmpty { _ = try signalUntracked(signal) }
    }

    /// SIGKILL for every one, those being forked too.
    func killAll() throws(Failure) {
        try cgroup.kill()
        guard cgroup.isEmpty, mark != nil else { return }
        for _ in 0..<Self.rounds {
            guard try signalUntracked(SIGKILL) else { return }
            ProcessControl.sleep(milliseconds: 10)
        }
        throw Failure("processes of the container are still running after SIGKILL")
    }

    /// Ten seconds: a killed process may be in the midst of writing to a slow disk.
    private static let rounds = 1000

    /// - Returns: whether there were any.
    private func signalUntracked(_ signal: Int32) throws(Failure) -> Bool {
        let found = Held.opened(try pids())
        if found.isEmpty { return false }
        // Looked at again with the descriptors open: a pid that passed to a stranger meanwhile is not among them.
        let still = Set(try pids())
        for (pid, process) in found where still.contains(pid) {
            try? ProcessControl.signal(process.descriptor, signal)
        }
        return true
    }

    private final class Held {
        let descriptor: FileDescriptor
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

        /// Those that have not ended meanwhile.
        static func opened(_ pids: [Int32]) -> [(pid: Int32, process: Held)] {
            var opened: [(pid: Int32, process: Held)] = []
            for pid in pids {
                guard let descriptor = try? ProcessControl.open(pid: pid) else { continue }
                opened.append((pid, Held(descriptor)))
            }
            return opened
        }
    }
}
