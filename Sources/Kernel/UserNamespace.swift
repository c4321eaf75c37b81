import Diagnosis
import Glibc

/// A user namespace with nobody in it, held by a descriptor, for the ID maps that it has.
public enum UserNamespace {
    /// - Parameters:
    ///   - uids: lines of uid_map (user_namespaces(7)).
    ///   - gids: lines of gid_map.
    public static func make(uids: String, gids: String) throws(SystemError) -> FileDescriptor {
        let holder = try Child.holdNamespaces()
        defer {
            try? ProcessControl.signal(holder.pidfd, SIGKILL)
            _ = ProcessControl.wait(pid: holder.pid)
        }
        try FileTree.write(uids, to: "/proc/\(holder.pid)/uid_map")
        try FileTree.write(gids, to: "/proc/\(holder.pid)/gid_map")
        return try FileDescriptor.open("/proc/\(holder.pid)/ns/user", O_RDONLY)
    }
}
