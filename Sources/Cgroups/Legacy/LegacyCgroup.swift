import Diagnosis
import Glibc
import Kernel

/// A container's cgroups in the cgroup v1 hierarchies: one in each.
///
/// The value is a name, as ``Cgroup`` is.
public struct LegacyCgroup: Equatable, Sendable {
    /// The directories by controller, or by `name=systemd`. Controllers that share a hierarchy share the directory.
    public let paths: [String: String]

    /// - Returns: `nil` for none.
    init?(paths: [String: String]) {
        if paths.isEmpty { return nil }
        self.paths = paths
    }

    /// Each directory once.
    var directories: [String] { Set(paths.values).sorted() }

    /// The cgroup that has the controller.
    func cgroup(_ controller: Controller) -> Cgroup? { paths[controller.v1Name].map { Cgroup(path: $0) } }

    /// The one whose processes stand for the container's: no process gets out of any. The freezer's first, for
    /// systemd does not touch it.
    var tracker: Cgroup {
        Cgroup(path: paths["freezer"] ?? paths["pids"] ?? paths["devices"] ?? directories[0])
    }

    var freezer: LegacyFreezer? { paths["freezer"].map { LegacyFreezer(path: $0) } }

    /// Moves a process into them.
    ///
    /// The kernel holds up every fork and exit on the machine for that, which it takes some milliseconds to do.
    /// A process that moves itself, by a 0 to `tasks`, does without: so the stage does it.
    public func add(pid: Int32) throws(Failure) {
        for directory in directories { try Cgroup(path: directory).add(pid: pid) }
    }

    /// Sends a signal to every process. They are frozen meanwhile, so that no fork slips through.
    func signalAll(_ signal: Int32) throws(Failure) {
        let wasFrozen = try freezer?.isFrozen() ?? false
        // Best effort, and not for long: a process in an uninterruptible call does not stop before its end.
        if !wasFrozen { try? freezer?.freeze(within: 2_000) }
        defer {
            // What the user stopped stays so.
            if !wasFrozen { try? freezer?.thaw() }
        }
        try tracker.signalMembers(signal)
    }

    /// SIGKILL for every process. A process that cgroup v1's freezer holds dies when it is let go, not before.
    func kill() throws(Failure) {
        try signalAll(SIGKILL)
        if try freezer?.isFrozen() == true { try? freezer?.thaw() }
    }

    /// Removes the cgroups and all below them. Nothing happens to those that are gone.
    ///
    /// - Throws: the first failure, when all have been tried.
    func remove() throws(Failure) {
        var first: Failure?
        for directory in directories {
            do throws(Failure) {
                try Cgroup(path: directory).remove()
            } catch {
                first = first ?? error
            }
        }
        if let first { throw first }
    }

    /// Whether the kernel has killed a process for want of memory: the counter of `memory.oom_control` (Linux 4.13).
    var hasKilledForMemory: Bool {
        guard let file = cgroup(.memory)?.file("memory.oom_control"), let text = try? CoreFile.text(file)
        else { return false }
        return (CoreFile.value(of: "oom_kill", in: text) ?? "0") != "0"
    }
}
