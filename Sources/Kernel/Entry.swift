import CKernel
import Diagnosis
import Glibc

/// Calls on entries of a directory that is held by a descriptor. No link is followed, unless it says so.
public enum Entry {
    /// openat(2); O_CLOEXEC and O_NOFOLLOW always.
    public static func open(
        _ name: RawPath, _ flags: Int32, mode: UInt32 = 0, in directory: Int32
    ) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try system("open \(name)") {
                name.withPointer { openat(directory, $0, flags | O_CLOEXEC | O_NOFOLLOW, mode) }
            })
    }

    /// openat2(2) for a process whose root is `root`: links are followed, but none leads out of it.
    public static func resolve(
        _ path: RawPath, _ flags: Int32, in root: Int32
    ) throws(SystemError) -> FileDescriptor {
        try open(path, flags, in: root, resolve: UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
    }

    /// openat2(2) without a link anywhere in the path, and not out of the directory: ELOOP and EXDEV else.
    public static func openWithoutLinks(
        _ path: RawPath, _ flags: Int32, in directory: Int32
    ) throws(SystemError) -> FileDescriptor {
        try open(path, flags, in: directory, resolve: UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS))
    }

    private static func open(
        _ path: RawPath, _ flags: Int32, in directory: Int32, resolve: UInt64
    ) throws(SystemError) -> FileDescriptor {
        var how = open_how(flags: UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), mode: 0, resolve: resolve)
        // EAGAIN: a rename or a mount anywhere on the host came in the way of a `..` (openat2(2)).
        for _ in 0..<128 {
            do throws(SystemError) {
                return FileDescriptor(
                    owning: Int32(
                        try system("open \(path)") {
                            path.withPointer {
                                apus_openat2(directory, $0, &how, MemoryLayout<open_how>.size)
                            }
                        }))
            } catch  where error.errno == Errno(EAGAIN) {
                continue
            }
        }
        throw SystemError("open \(path)", Errno(EAGAIN))
    }

    /// fstatat(2).
    public static func status(_ name: RawPath, in directory: Int32) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try system("stat \(name)") {
            name.withPointer { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }
        }
        return FileStatus(status)
    }

    /// mkdirat(2); the umask applies.
    public static func makeDirectory(
        _ name: RawPath, mode: UInt32, in directory: Int32
    ) throws(SystemError) {
        _ = try system("mkdir \(name)") { name.withPointer { mkdirat(directory, $0, mode) } }
    }

    /// mknodat(2); the umask applies.
    ///
    /// - Parameter mode: with the type, such as S_IFIFO.
    public static func makeNode(
        _ name: RawPath, mode: UInt32, major: UInt32 = 0, minor: UInt32 = 0, in directory: Int32
    ) throws(SystemError) {
        _ = try system("mknod \(name)") {
            name.withPointer { apus_mknod(directory, $0, mode, major, minor) }
        }
    }

    /// mknodat(2) of the device that stat(2) says another node is.
    public static func makeNode(
        _ name: RawPath, mode: UInt32, device: UInt64, in directory: Int32
    ) throws(SystemError) {
        try makeNode(
            name, mode: mode, major: apus_major(device), minor: apus_minor(device), in: directory)
    }

    /// symlinkat(2).
    public static func makeSymbolicLink(
        _ name: RawPath, to target: RawPath, in directory: Int32
    ) throws(SystemError) {
        _ = try system("symlink \(name) to \(target)") {
            name.withPointer { name in target.withPointer { symlinkat($0, directory, name) } }
        }
    }

    /// linkat(2).
    public static func makeHardLink(
        _ name: RawPath, in directory: Int32, to target: RawPath, in targetDirectory: Int32
    ) throws(SystemError) {
        _ = try system("link \(name) to \(target)") {
            name.withPointer { name in
                target.withPointer { linkat(targetDirectory, $0, directory, name, 0) }
            }
        }
    }

    /// readlinkat(2).
    public static func readLink(_ name: RawPath, in directory: Int32) throws(SystemError) -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try system("readlink \(name)") {
            name.withPointer { readlinkat(directory, $0, &target, target.count) }
        }
        return target[..<count].map { UInt8(bitPattern: $0) }
    }

    /// unlinkat(2) of what is no directory.
    public static func unlink(_ name: RawPath, in directory: Int32) throws(SystemError) {
        _ = try system("unlink \(name)") { name.withPointer { unlinkat(directory, $0, 0) } }
    }

    /// unlinkat(2) of an empty directory.
    public static func removeDirectory(_ name: RawPath, in directory: Int32) throws(SystemError) {
        _ = try system("rmdir \(name)") { name.withPointer { unlinkat(directory, $0, AT_REMOVEDIR) } }
    }

    /// renameat(2).
    public static func rename(
        _ name: RawPath, in directory: Int32, to new: RawPath, in newDirectory: Int32
    ) throws(SystemError) {
        _ = try system("rename \(name) to \(new)") {
            name.withPointer { name in new.withPointer { renameat(directory, name, newDirectory, $0) } }
        }
    }

    /// fchownat(2).
    public static func changeOwner(
        _ name: RawPath, uid: UInt32, gid: UInt32, in directory: Int32
    ) throws(SystemError) {
        _ = try system("chown \(name)") {
            name.withPointer { fchownat(directory, $0, uid, gid, AT_SYMLINK_NOFOLLOW) }
        }
    }

    /// fchmodat(2). It follows a link: the caller knows that the entry is none.
    public static func changeMode(
        _ name: RawPath, _ mode: UInt32, in directory: Int32
    ) throws(SystemError) {
        _ = try system("chmod \(name)") { name.withPointer { fchmodat(directory, $0, mode, 0) } }
    }

    /// fchown(2) of what is open.
    public static func changeOwner(uid: UInt32, gid: UInt32, of file: Int32) throws(SystemError) {
        _ = try system("chown to \(uid):\(gid)") { fchown(file, uid, gid) }
    }

    /// fchmod(2) of what is open.
    public static func changeMode(_ mode: UInt32, of file: Int32) throws(SystemError) {
        _ = try system("chmod to 0\(String(mode, radix: 8))") { fchmod(file, mode) }
    }

    /// utimensat(2): both times to this one.
    public static func setTimes(
        _ name: RawPath, _ time: Timestamp, in directory: Int32
    ) throws(SystemError) {
        let times = [timespec](repeating: timespec(time), count: 2)
        _ = try system("set the times of \(name)") {
            name.withPointer { utimensat(directory, $0, times, AT_SYMLINK_NOFOLLOW) }
        }
    }

    /// The names in an open directory, `.` and `..` left out, in no order; each with whether it is a directory as far
    /// as the file system tells (DT_UNKNOWN is nil). For directories that are known to be small; others are read by a
    /// ``DirectoryReader``.
    ///
    /// - Parameter directory: opened for reading.
    public static func list(_ directory: Int32) throws(SystemError) -> [(name: RawPath, isDirectory: Bool?)] {
        var names: [(name: RawPath, isDirectory: Bool?)] = []
        var reader = try DirectoryReader(directory)
        while let item = try reader.next() { names.append((item.name, item.isDirectory)) }
        return names
    }
}

extension timespec {
    init(_ time: Timestamp) { self.init(tv_sec: time.seconds, tv_nsec: time.nanoseconds) }
}
