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
