import Diagnosis
import Glibc
import Kernel

// cgroup.freeze and the key `frozen` of cgroup.events (cgroup-v2.rst, "Core Interface Files"; Linux 5.2).

extension Cgroup {
    /// Stops every process in the cgroup and below it, and returns when all are stopped. If one does not stop in
    /// time, the others go on, too: a container is either stopped or it is not.
    ///
    /// - Parameter limit: milliseconds.
    public func freeze(within limit: Int = 10_000) throws(Failure) {
        do throws(SystemError) {
            try FileTree.write("1", to: file("cgroup.freeze"))
            if try waitUntil(frozen: true, within: limit) { return }
        } catch {
            // Nothing may stay half frozen.
            try? FileTree.write("0", to: file("cgroup.freeze"))
            throw Failure(
                .runtime, error,
                remedy: error.errno == Errno(ENOENT) && FileTree.exists(path)
                    ? "cgroup.freeze needs Linux 5.2" : nil)
        }
        let culprits = (try? members())?.filter(Self.isUninterruptible) ?? []
        try? FileTree.write("0", to: file("cgroup.freeze"))
        let who =
            culprits.isEmpty
            ? "not all processes" : "process \(culprits.prefix(8).map(String.init).joined(separator: ", "))"
        throw Failure(
            doing: "freeze \(path)",
            reason: "\(who) did not stop within \(limit) ms\(culprits.isEmpty ? "" : ", being in state D")",
            remedy: "the kernel stops a process when its system call is done; try again then")
    }

    /// Lets stopped processes go on, and returns when they do. Nothing happens if the cgroup is gone.
    public func thaw() throws(Failure) {
        do throws(SystemError) {
            try FileTree.write("0", to: file("cgroup.freeze"))
            if try waitUntil(frozen: false, within: 2_000) { return }
        } catch  where error.isAbsence {
            return
        } catch {
            throw Failure(.runtime, error)
        }
        throw Failure(
            doing: "thaw \(path)", reason: "its processes stay stopped, as a cgroup above it is frozen",
            remedy: "write 0 to cgroup.freeze there")
    }

    private func waitUntil(frozen: Bool, within limit: Int) throws(SystemError) -> Bool {
        try WatchedFile(file("cgroup.events")).wait(for: "frozen", frozen ? 1 : 0, within: limit)
    }

    private static func isUninterruptible(_ pid: Int32) -> Bool {
        pid > 0 && (try? ProcessRecord(pid: pid))?.state == "D"
    }
}
