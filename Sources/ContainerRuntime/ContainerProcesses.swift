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
        return try Failure.blaming { () throws(SystemError) in try untrackedPIDs() }
    }

    private func untrackedPIDs() throws(SystemError) -> [Int32] {
        if let mark { return try mark.pids() }
        guard hasPrivatePIDNamespace && isInitAlive() else { return [] }
        guard let own = Self.pidNamespace(of: initPID) else { return [initPID] }
        // Those of namespaces below it are not found; whoever makes such is seldom seen, and dies with the others.
        return try FileTree.list("/proc").compactMap { Int32($0) }.filter { Self.pidNamespace(of: $0) == own }
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
        try Failure.blaming { () throws(SystemError) in
            let found = try untrackedPIDs()
            try ProcessControl.signal(signal, each: found) { () throws(SystemError) in try untrackedPIDs() }
            return !found.isEmpty
        }
    }
}
