import Diagnosis
import Glibc
import Kernel

extension Cgroup {
    /// Gives the cgroup to a user, who can then make cgroups below it and move processes between them, but not
    /// raise its limits (cgroup-v2.rst, "Delegation"). For the container's root where the container has a
    /// cgroup namespace of its own and a writable cgroup mount.
    public func delegate(to uid: UInt32) throws(Failure) {
        do throws(SystemError) {
            try FileTree.changeOwner(path, uid: uid, gid: .max)
            for name in Self.delegatedFiles {
                do throws(SystemError) {
                    try FileTree.changeOwner(file(name), uid: uid, gid: .max)
                } catch  where error.errno == Errno(ENOENT) {
                    // The list names files of controllers that this cgroup need not have.
                }
            }
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// What the kernel says may be given away (Linux 4.15).
    private static var delegatedFiles: [String] {
        guard let text = try? FileTree.readText("/sys/kernel/cgroup/delegate") else {
            return ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]
        }
        return text.split(separator: "\n").map(String.init).filter { !$0.utf8.contains(UInt8(ascii: "/")) }
    }
}
