import Diagnosis
import Glibc
import Kernel

/// A cgroup of the v1 freezer (cgroup-v1/freezer-subsystem.rst). `freezer.state` says THAWED, FREEZING while not
/// all processes are stopped yet, or FROZEN.
struct LegacyFreezer: Equatable, Sendable {
    let path: String

    private var file: String { "\(path)/freezer.state" }

    /// Whether the processes are stopped, or being stopped. `false` if there is no such cgroup.
    func isFrozen() throws(Failure) -> Bool {
        do throws(SystemError) {
            return try !state().hasPrefix("THAWED")
        } catch  where error.isAbsence {
            return false
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// Stops every process in the cgroup and below it, and returns when all are stopped. If one does not stop in
    /// time, the others go on too.
    ///
    /// - Parameter limit: milliseconds.
    func freeze(within limit: Int = 10_000) throws(Failure) {
        do throws(SystemError) {
            if try freezeOnce(limit) { return }
        } catch {
            try? FileTree.write("THAWED", to: file)
            throw Failure(.runtime, error)
        }
        try? FileTree.write("THAWED", to: file)
        throw Failure(
            doing: "freeze \(path)", reason: "not all processes stopped within \(limit) ms",
            remedy: "the kernel stops a process when its system call is done; try again then")
    }

    private func freezeOnce(_ limit: Int) throws(SystemError) -> Bool {
        let deadline = Poll.now() + limit
        var rounds = 0
        while true {
            // The state changes from FREEZING to FROZEN only when it is asked for, and a process that was forked
            // or moved in meanwhile is told by another write.
            try FileTree.write("FROZEN", to: file)
            if try state().hasPrefix("FROZEN") { return true }
            if Poll.now() >= deadline { return false }
            rounds += 1
            if rounds % 50 == 0 {
                // A process in vfork(2) or behind a FUSE server may wait for one that is already stopped.
                try FileTree.write("THAWED", to: file)
                usleep(10_000)
            } else {
                usleep(rounds < 20 ? 20 : 1000)
            }
        }
    }

    /// Lets stopped processes go on. Nothing happens if the cgroup is gone.
    func thaw() throws(Failure) {
        do throws(SystemError) {
            try FileTree.write("THAWED", to: file)
            if try state().hasPrefix("THAWED") { return }
        } catch  where error.isAbsence {
            return
        } catch {
            throw Failure(.runtime, error)
        }
        throw Failure(
            doing: "thaw \(path)", reason: "its processes stay stopped, as a cgroup above it is frozen",
            remedy: "write THAWED to freezer.state there")
    }

    private func state() throws(SystemError) -> String { try CoreFile.text(file) }
}
