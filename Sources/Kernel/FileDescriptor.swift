import CKernel
import Diagnosis
import Glibc

/// An open descriptor that is closed when its owner lets go of it.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number. It is valid as long as this value lives.
    public let number: Int32

    /// Takes ownership of an open descriptor.
    public init(owning number: Int32) { self.number = number }

    deinit { _ = Glibc.close(number) }

    /// Gives the number away: whoever takes it closes it.
    public consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// openat(2), with O_CLOEXEC always.
    ///
    /// - Parameter directory: where a relative path starts; `nil` is the working directory.
    public static func open(
        _ path: String, _ flags: Int32, mode: UInt32 = 0, at directory: Int32? = nil
    ) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try system("open \(path)") {
                Glibc.openat(directory ?? AT_FDCWD, path, flags | O_CLOEXEC, mode)
            })
    }

    /// A further descriptor of an open file; O_CLOEXEC.
    public static func duplicate(_ number: Int32) throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try system("duplicate \(number)") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    /// openat(2) with O_PATH: the file itself, not what is in it; a link at the end is not followed.
    public static func reference(_ path: String) throws(SystemError) -> FileDescriptor {
        try open(path, O_PATH | O_NOFOLLOW)
    }

    /// openat(2) with O_PATH of a directory; links are followed, such as those of procfs to a process's root.
    public static func directory(_ path: String) throws(SystemError) -> FileDescriptor {
        try open(path, O_PATH | O_DIRECTORY)
    }

    /// openat2(2) with O_PATH: what the path leads to for a process whose root the directory is. No link, be it a
    /// magic one of procfs, and no `..` leads out of it.
    public static func reference(
        _ path: String, in root: borrowing FileDescriptor
    ) throws(SystemError) -> FileDescriptor {
        try open(
            path, O_PATH, below: root.number, resolve: Int32(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
    }

    /// openat2(2): `path` below `directory`, with the RESOLVE_* restrictions given. O_CLOEXEC always.
    public static func open(
        _ path: String, _ flags: Int32, below directory: Int32, resolve: Int32
    ) throws(SystemError) -> FileDescriptor {
        var how = open_how(
            flags: UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), mode: 0,
            resolve: UInt64(UInt32(bitPattern: resolve)))
        var attempts = 0
        while true {
            do throws(SystemError) {
                return FileDescriptor(
                    owning: Int32(
                        try system("open \(path)") {
                            apus_openat2(directory, path, &how, MemoryLayout<open_how>.size)
                        }))
            } catch {
                // A rename or a mount anywhere on the host came in the way of a `..` (openat2(2)).
                attempts += 1
                guard error.errno == Errno(EAGAIN), attempts < 128 else { throw error }
            }
        }
    }

    /// read(2) until the end or until `limit` bytes.
    ///
    /// - Returns: what was read; `limit` bytes exactly may mean that there was more.
    public func readAll(limit: Int = .max, name: String = "file") throws(SystemError) -> [UInt8] {
        var status = stat()
        let known = fstat(number, &status) == 0 ? Int(status.st_size) : 0
        // procfs and pipes say 0; one byte over the size sees the end without growing.
        var capacity = min(limit, known > 0 ? known + 1 : 4096)
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let start = bytes.count
            var failure: SystemError?
            bytes.append(addingCapacity: capacity) { room -> Int in
                do throws(SystemError) {
                    return try system("read \(name)") { Glibc.read(number, room.baseAddress, room.count) }
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            // A file that is as long as it said has no more to give.
            if bytes.count == start || bytes.count == known { break }
            capacity = min(limit - bytes.count, max(capacity, 4096))
        }
        return bytes
    }

    /// One read(2) of at most `count` bytes; empty at the end.
    public func read(_ count: Int, name: String = "file") throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: count) { room -> Int in
            do throws(SystemError) {
                return try system("read \(name)") { Glibc.read(number, room.baseAddress, room.count) }
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// One pread(2) from the file's beginning of at most `count` bytes: what a file of the kernel's says now.
    public func readAnew(_ count: Int, name: String = "file") throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: count) { room -> Int in
            do throws(SystemError) {
                return try system("read \(name)") { pread(number, room.baseAddress, room.count, 0) }
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// pread(2) of at most `count` bytes from an offset on.
    public func read(_ count: Int, from offset: Int, name: String = "file") throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let number = number
        let length = try system("read \(name)") {
            bytes.withUnsafeMutableBytes { pread(number, $0.baseAddress, $0.count, off_t(offset)) }
        }
        return Array(bytes[..<length])
    }

    /// write(2) until everything is written.
    public func writeAll(_ bytes: [UInt8], name: String = "file") throws(SystemError) {
        var offset = 0
        while offset < bytes.count {
            offset += try system("write \(name)") {
                bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress! + offset, $0.count - offset) }
            }
        }
    }

    /// write(2) of a short text in one call, as cgroup and proc files want it.
    public func write(_ text: String, name: String = "file") throws(SystemError) {
        var text = text
        let count = text.utf8.count
        let written = try system("write \(name)") {
            text.withUTF8 { Glibc.write(number, $0.baseAddress, $0.count) }
        }
        if written != count { throw SystemError("write \(name)", Errno(EIO)) }
    }

    /// fstat(2).
    public func status(name: String = "file") throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try system("stat \(name)") { fstat(number, &status) }
        return FileStatus(status)
    }

    /// The magic number of the file system it is on (statfs(2)).
    public func fileSystemMagic(name: String = "file") throws(SystemError) -> Int {
        Int(try system("statfs \(name)") { apus_fstatfs_magic(number) })
    }
}

extension Array where Element == UInt8 {
    /// Appends up to `capacity` bytes written by `body`, which says how many.
    mutating func append(
        addingCapacity capacity: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        // Not filled with zeros first: that would cost more than most reads.
        let added = [UInt8](unsafeUninitializedCapacity: capacity) { room, filled in
            filled = body(UnsafeMutableRawBufferPointer(room))
        }
        if isEmpty { self = added } else { self += added }
    }
}
