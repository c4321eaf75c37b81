import CKernel
import Diagnosis
import Glibc

/// Calls on names in the file system. All of them are for paths of the host, which is trusted; what lies
/// in a container's root file system is reached through descriptors only.
public enum FileTree {
    /// stat(2).
    public static func status(_ path: String) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try system("stat \(path)") { fstatat(AT_FDCWD, path, &status, 0) }
        return FileStatus(status)
    }

    /// lstat(2).
    public static func statusOfLink(_ path: String) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try system("stat \(path)") { fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) }
        return FileStatus(status)
    }

    /// Whether something is there, be it a dangling link.
    public static func exists(_ path: String) -> Bool {
        var status = stat()
        return fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0
    }

    /// Whether it is a file that this process may execute.
    public static func isExecutable(_ path: String) -> Bool {
        guard let status = try? status(path), status.isRegular else { return false }
        return access(path, X_OK) == 0
    }

    /// mkdir(2); the umask applies.
    public static func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) {
        _ = try system("mkdir \(path)") { mkdir(path, mode) }
    }

    /// As `mkdir -p`: missing parents are made with the same mode.
    public static func makeDirectories(_ path: String, mode: UInt32) throws(SystemError) {
        do throws(SystemError) {
            try makeDirectory(path, mode: mode)
        } catch {
            if error.errno == Errno(EEXIST) { return }
            guard error.errno == Errno(ENOENT), let slash = path.lastIndex(of: "/"), slash > path.startIndex
            else { throw error }
            try makeDirectories(String(path[..<slash]), mode: mode)
            do throws(SystemError) {
                try makeDirectory(path, mode: mode)
            } catch  where error.errno == Errno(EEXIST) {
                // Somebody else was as quick.
            }
        }
    }

    /// rmdir(2).
    public static func removeDirectory(_ path: String) throws(SystemError) {
        _ = try system("rmdir \(path)") { rmdir(path) }
    }

    /// unlink(2).
    public static func unlink(_ path: String) throws(SystemError) {
        _ = try system("unlink \(path)") { Glibc.unlink(path) }
    }

    /// rename(2).
    public static func rename(_ old: String, to new: String) throws(SystemError) {
        _ = try system("rename \(old) to \(new)") { Glibc.rename(old, new) }
    }

    /// mkfifo(3) with exactly this mode, whatever the umask.
    public static func makeFIFO(_ path: String, mode: UInt32) throws(SystemError) {
        _ = try system("mkfifo \(path)") { mkfifo(path, mode) }
        try changeMode(path, mode)
    }

    /// chmod(2).
    public static func changeMode(_ path: String, _ mode: UInt32) throws(SystemError) {
        _ = try system("chmod \(path)") { chmod(path, mode) }
    }

    /// chown(2).
    public static func changeOwner(_ path: String, uid: UInt32, gid: UInt32) throws(SystemError) {
        _ = try system("chown \(path)") { chown(path, uid, gid) }
    }

    /// The names in a directory, `.` and `..` left out, in no order.
    public static func list(_ path: String) throws(SystemError) -> [String] {
        guard let stream = opendir(path) else { throw SystemError("open \(path)", Errno(errno)) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemError("read \(path)", Errno(errno)) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    /// The whole of a file of at most `limit` bytes; what is beyond is left unread.
    public static func read(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
        try FileDescriptor.open(path, O_RDONLY).readAll(limit: limit, name: path)
    }

    /// The whole of a small text file without its trailing newline.
    public static func readText(_ path: String) throws(SystemError) -> String {
        var bytes = try read(path)
        if bytes.last == 0x0a { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a short text to an existing file in one call, as cgroup and proc files want it.
    public static func write(_ text: String, to path: String) throws(SystemError) {
        try FileDescriptor.open(path, O_WRONLY).write(text, name: path)
    }

    /// Puts a file in place as a whole: readers see the old one or the new one.
    ///
    /// The temporary file is made in the same directory, with O_EXCL, and is gone again on failure.
    public static func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(SystemError) {
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) }
        let temporary = "\(path[..<(name ?? path.startIndex)]).\(path[(name ?? path.startIndex)...])"
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        let file: FileDescriptor
        do throws(SystemError) {
            file = try FileDescriptor.open(temporary, flags, mode: mode)
        } catch  where error.errno == Errno(EEXIST) {
            // Left by a writer that was killed.
            try unlink(temporary)
            file = try FileDescriptor.open(temporary, flags, mode: mode)
        }
        do throws(SystemError) {
            try file.writeAll(bytes, name: temporary)
            try rename(temporary, to: path)
        } catch {
            _ = Glibc.unlink(temporary)
            throw error
        }
    }

    /// The absolute path with all links resolved (realpath(3)).
    public static func canonical(_ path: String) throws(SystemError) -> String {
        guard let resolved = realpath(path, nil) else { throw SystemError("resolve \(path)", Errno(errno)) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// readlink(2).
    public static func readLink(_ path: String) throws(SystemError) -> String {
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try system("readlink \(path)") {
            target.withUnsafeMutableBytes {
                readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
        }
        return String(decoding: target[..<count], as: UTF8.self)
    }

    /// Whether the file system at `path` has this magic number (statfs(2)); `false` if there is no such path.
    public static func isFileSystem(_ path: String, magic: Int) -> Bool {
        apus_statfs_magic(path) == magic
    }
}
