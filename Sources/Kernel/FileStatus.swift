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
    /// When its content or its attributes changed last (`st_ctim`), which no program can set back.
    public let changed: Timestamp
    /// What it takes on the disk, in blocks of 512 bytes.
    public let blocks: Int64
    /// Hard links.
    public let links: UInt64
    /// When its content was last changed.
    public let modified: Timestamp

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        mode = UInt32(status.st_mode)
        owner = status.st_uid
        group = status.st_gid
        rdev = UInt64(status.st_rdev)
        size = Int64(status.st_size)
        changed = Timestamp(seconds: status.st_ctim.tv_sec, nanoseconds: status.st_ctim.tv_nsec)
        blocks = Int64(status.st_blocks)
        links = UInt64(status.st_nlink)
        modified = Timestamp(seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }

    public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    public var isRegular: Bool { mode & S_IFMT == S_IFREG }
    public var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
    public var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }
}
