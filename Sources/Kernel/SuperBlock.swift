import CKernel
import Diagnosis
import Glibc

/// What all mounts of one file system share.
public enum SuperBlock {
    /// Gives the file system that is mounted at `path` these options, and no others (fspick(2)).
    public static func reconfigure(_ path: String, flags: [String]) throws(SystemError) {
        let context = FileDescriptor(
            owning: try system("fspick \(path)") { apus_fspick(path, UInt32(FSPICK_CLOEXEC)) })
        let number = context.number
        for flag in flags {
            _ = try system("fsconfig \(flag)") {
                apus_fsconfig(number, UInt32(FSCONFIG_SET_FLAG.rawValue), flag, nil, 0)
            }
        }
        _ = try system("reconfigure the file system at \(path)") {
            apus_fsconfig(number, UInt32(FSCONFIG_CMD_RECONFIGURE.rawValue), nil, nil, 0)
        }
    }
}
