import CKernel
import Diagnosis
import Glibc

/// The flags of chattr(1) that keep root from changing a file (ioctl_iflags(2)).
public struct FileFlags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// FS_IMMUTABLE_FL, `+i`: nothing of it changes, and it is not removed.
    public static let immutable = FileFlags(rawValue: 0x10)
    /// FS_APPEND_FL, `+a`: it only grows, and is not removed.
    public static let appendOnly = FileFlags(rawValue: 0x20)

    /// Those of an open file or directory, with others that have no name here.
    public init(of file: Int32) throws(SystemError) {
        var flags: UInt32 = 0
        _ = try system("read the flags") { apus_get_flags(file, &flags) }
        self.init(rawValue: flags)
    }

    /// Gives them to an open file or directory. The two above take CAP_LINUX_IMMUTABLE.
    public func set(on file: Int32) throws(SystemError) {
        let flags = rawValue
        _ = try system("set the flags") { apus_set_flags(file, flags) }
    }
}
