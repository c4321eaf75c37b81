import Diagnosis
import Glibc

/// What a container gets as standard input that is to have none.
public enum NullDevice {
    /// A null device (null(4)) that nobody else has, open for reading.
    ///
    /// Runtimes give a container's user its standard streams; the host's /dev/null would then be that user's. It is a
    /// device all the same, for programs look at what they read from, and can be opened again by /dev/stdin. It stands in
    /// a file system that is mounted nowhere.
    public static func open() throws(SystemError) -> FileDescriptor {
        do throws(SystemError) {
            var complaint = ""
            let mount = try MountTree.make(
                "tmpfs", source: "null", options: [("mode", "755"), ("size", "4k")],
                attributes: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), complaint: &complaint)
            try Entry.makeNode(RawPath("null"), mode: S_IFCHR | 0o666, major: 1, minor: 3, in: mount.number)
            let path = "/proc/self/fd/\(mount.number)/null"
            // Whatever the umask.
            try FileTree.changeMode(path, 0o666)
            return try FileDescriptor.open("null", O_RDONLY, at: mount.number)
        } catch  where error.errno == Errno(EPERM) || error.errno == Errno(EACCES) {
            // Without CAP_SYS_ADMIN or CAP_MKNOD: an empty file has the same end.
            return try MemoryFile.sealed("null", [])
        }
    }
}
