import Diagnosis
import Glibc
import Kernel

extension Cgroup {
    /// The processes in the cgroup and below it, by pid. Those of a pid namespace that the caller cannot see
    /// are left out. Empty if there is no such cgroup.
    public func pids() throws(Failure) -> [Int32] {
        do throws(SystemError) {
            return try members().filter { $0 > 0 }
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// The cgroup that a process is in now, if that is this one or one below it.
    public func current(ofProcess pid: Int32) throws(Failure) -> Cgroup? {
        let text: String
        do throws(SystemError) {
            text = try FileTree.readText("/proc/\(pid)/cgroup")
        } catch {
            throw Failure(.runtime, error)
        }
        // As seen by us, which need not be how the tree is mounted: the common end is what counts.
        guard let seen = CgroupPath.unified(in: text) else { return nil }
        var below: [Substring] = []
        var names = seen.split(separator: "/")
        while let name = names.popLast() {
            let candidate = ([Substring(path)] + below).joined(separator: "/")
            if path.hasSuffix("/" + (names + [name]).joined(separator: "/")) {
                return FileTree.exists(candidate) ? Cgroup(path: candidate) : nil
            }
            below.insert(name, at: 0)
        }
        return nil
    }

    /// SIGKILL for every process in the cgroup and below it, those being forked too.
    ///
    /// Returns when the signal is sent; the processes end a little later.
    public func kill() throws(Failure) {
        do throws(SystemError) {
            return try FileTree.write("1", to: file("cgroup.kill"))
        } catch {
            // The file is there from Linux 5.14 on, and not to be used in a threaded cgroup.
            if error.isAbsence, !FileTree.exists(path) { return }
            guard error.isAbsence || error.errno == Errno(EOPNOTSUPP) else {
                throw Failure(.runtime, error)
            }
        }
        try signalEach(SIGKILL)
    }

    /// Sends a signal to every process in the cgroup and below it. The cgroup is frozen meanwhile, so that no
    /// fork slips through.
    public func signalAll(_ signal: Int32) throws(Failure) {
        if signal == SIGKILL { try kill() } else { try signalEach(signal) }
    }

    private func signalEach(_ signal: Int32) throws(Failure) {
        let wasFrozen = try isFrozen()
        // Best effort, and not for long: a process in an uninterruptible call does not stop before its end.
        if !wasFrozen { try? freeze(within: 2_000) }
        defer {
            // A process that was stopped by the user before stays so; SIGKILL ends it all the same.
            if !wasFrozen { try? thaw() }
        }
        try signalMembers(signal)
    }

    /// Sends a signal to every process in the cgroup and below it.
    func signalMembers(_ signal: Int32) throws(Failure) {
        do throws(SystemError) {
            // Where freezing is not possible, children born meanwhile are found in the next round.
            var signalled: Set<Int32> = []
            for _ in 0..<16 {
                let fresh = try members().filter { $0 > 0 && !signalled.contains($0) }
                if fresh.isEmpty { return }
                try ProcessControl.signal(signal, each: fresh) { () throws(SystemError) in try members() }
                signalled.formUnion(fresh)
            }
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// As ``pids()``, with a 0 for each process that is not visible.
    func members() throws(SystemError) -> [Int32] {
        do throws(SystemError) {
            var members = try ownMembers()
            for child in try children() { members += try child.members() }
            return members
        } catch  where error.isAbsence {
            return []
        }
    }

    private func ownMembers() throws(SystemError) -> [Int32] {
        do throws(SystemError) {
            return try Self.list(file("cgroup.procs"))
        } catch  where error.errno == Errno(EOPNOTSUPP) {
            // A threaded cgroup shows its threads only; a process's first one has its pid.
            return try Self.list(file("cgroup.threads"))
        }
    }

    private static func list(_ path: String) throws(SystemError) -> [Int32] {
        let bytes = try FileDescriptor.open(path, O_RDONLY).readAll(name: path)
        return bytes.split(separator: 0x0a).compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
    }

    /// The cgroups directly below.
    func children() throws(SystemError) -> [Cgroup] {
        try FileTree.listDirectories(path).map { Cgroup(path: "\(path)/\($0)") }
    }
}
