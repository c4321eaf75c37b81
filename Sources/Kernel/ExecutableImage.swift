import CKernel
import Diagnosis
import Glibc

/// A program carried inside this one, made into something that execveat(2) takes.
public enum ExecutableImage {
    /// A sealed memfd; where `vm.memfd_noexec` forbids executable ones, a file on a tmpfs of its own that is
    /// mounted nowhere and read-only by the time this returns.
    ///
    /// Either way nothing that runs from it can write to it, and it shares nothing with this executable
    /// (CVE-2019-5736).
    public static func open(_ name: String, words: [UInt64], size: Int) throws(SystemError) -> FileDescriptor
    {
        do throws(SystemError) {
            return try MemoryFile.sealed(name, words: words, size: size, executable: true)
        } catch  where error.errno == Errno(EACCES) || error.errno == Errno(EPERM) {
            return try onDetachedMount(name, words: words, size: size)
        }
    }

    static func onDetachedMount(
        _ name: String, words: [UInt64], size: Int
    ) throws(SystemError) -> FileDescriptor {
        let context = FileDescriptor(
            owning: try system("fsopen tmpfs") { apus_fsopen("tmpfs", UInt32(FSOPEN_CLOEXEC)) })
        let contextNumber = context.number
        _ = try system("create a tmpfs for \(name)") {
            apus_fsconfig(contextNumber, UInt32(FSCONFIG_CMD_CREATE.rawValue), nil, nil, 0)
        }
        let mount = FileDescriptor(
            owning: try system("mount a tmpfs for \(name)") {
                apus_fsmount(
                    contextNumber, UInt32(FSMOUNT_CLOEXEC),
                    UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))
            })
        do {
            let file = try FileDescriptor.open(
                name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o500, at: mount.number)
            try MemoryFile.write(words: words, size: size, to: file, name)
        }
        _ = try system("make the tmpfs of \(name) read-only") {
            apus_fsconfig(contextNumber, UInt32(FSCONFIG_SET_FLAG.rawValue), "ro", nil, 0)
        }
        _ = try system("make the tmpfs of \(name) read-only") {
            apus_fsconfig(contextNumber, UInt32(FSCONFIG_CMD_RECONFIGURE.rawValue), nil, nil, 0)
        }
        return try FileDescriptor.open(name, O_RDONLY, at: mount.number)
    }
}
