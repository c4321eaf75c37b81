import CKernel
import Diagnosis
import Glibc

/// Files that stand for namespaces (namespaces(7)).
public enum NamespaceFile {
    /// The CLONE_NEW* type of an open one; `nil` if it is something else.
    public static func type(of file: borrowing FileDescriptor) -> Int32? {
        guard let magic = try? file.fileSystemMagic(), magic == NSFS_MAGIC else { return nil }
        let type = apus_namespace_type(file.number)
        return type < 0 ? nil : type
    }

    /// A namespace of a process (`/proc/PID/ns`, for which the caller has to be allowed to trace it).
    ///
    /// - Parameter name: `user`, `mnt`, …
    public static func open(_ name: String, ofProcess pid: Int32) throws(SystemError) -> FileDescriptor {
        try FileDescriptor.open("/proc/\(pid)/ns/\(name)", O_RDONLY)
    }

    /// The user namespace that a user namespace was made in.
    ///
    /// - Throws: EPERM if that is not one of the caller's, nor below it.
    public static func parent(of file: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor {
        let number = file.number
        return FileDescriptor(
            owning: try system("find the parent of a user namespace") { apus_namespace_parent(number) })
    }

    /// The lines of a user namespace's map of project IDs (`/proc/PID/projid_map`), of one without processes too.
    public static func projectIDMap(of file: borrowing FileDescriptor) throws(SystemError) -> String {
        // 340 lines of three numbers, padded.
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let number = file.number
        let count = try system("read the projid_map of a user namespace") {
            bytes.withUnsafeMutableBytes { apus_read_projid_map(number, $0.baseAddress, $0.count) }
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The number of a mount namespace, which no other one gets until the next boot.
    ///
    /// - Throws: EINVAL or ENOTTY before Linux 6.11.
    public static func uniqueID(ofMountNamespace file: borrowing FileDescriptor) throws(SystemError) -> UInt64
    {
        var id: UInt64 = 0
        let number = file.number
        _ = try system("identify a mount namespace") { apus_mount_namespace_id(number, &id) }
        return id
    }

    /// Whether both stand for one namespace.
    public static func areSame(
        _ one: borrowing FileDescriptor, _ other: borrowing FileDescriptor
    ) throws(SystemError) -> Bool {
        let (one, other) = (try one.status(), try other.status())
        return one.inode == other.inode && one.device == other.device
    }
}

/// procfs, held by a descriptor, so that no mount made later can stand in for it.
public enum ProcFS {
    /// The root of the host's procfs (O_PATH).
    ///
    /// - Throws: EXDEV if what is mounted on /proc is something else.
    public static func open() throws(SystemError) -> FileDescriptor {
        let root = try FileDescriptor.open("/proc", O_PATH | O_DIRECTORY)
        guard try root.fileSystemMagic(name: "/proc") == Int(PROC_SUPER_MAGIC),
            try root.status(name: "/proc").inode == 1
        else { throw SystemError("open /proc as a procfs", Errno(EXDEV)) }
        return root
    }
}
