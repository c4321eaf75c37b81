import Glibc

/// What stat(2) says of a file, as far as a runtime asks.
public struct FileStatus: Equatable, Sendable {
    public let device: UInt64
    public let inode: UInt64
    /// Type and permission bits.
    public let mode: UInt32
    public let owner: UInt32
    public let group: UInt32
    /// Of a device node.
    public let rdev: UInt64
    public let size: Int64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        mode = UInt32(status.st_mode)
        owner = status.st_uid
        group = status.st_gid
        rdev = UInt64(status.st_rdev)
        size = Int64(status.st_size)
    }

    public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    public var isRegular: Bool { mode & S_IFMT == S_IFREG }
    public var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
    public var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }
}
