import CKernel
import Diagnosis
import Glibc

/// A mount namespace of this process's own, for as long as it takes to start a program in it.
public enum PrivateMounts {
    /// Does `body` in a copy of the caller's mount namespace, which mounts on the host still reach, but from which
    /// none reach the host. What `body` starts stays in it; this process goes back.
    ///
    /// - Parameters:
    ///   - directory: bound on itself there, with what is mounted below it, so that it is a mount.
    ///   - movesRoot: whether / is to be a mount that is on another, which pivot_root(2) can take away, be it the
    ///     initramfs.
    public static func within<Result>(
        binding directory: String, movesRoot: Bool, _ body: () throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        let home = try FileDescriptor.open("/proc/self/ns/mnt", O_RDONLY)
        let root = try FileDescriptor.open("/", O_PATH | O_DIRECTORY)
        let here = try FileDescriptor.open(".", O_PATH | O_DIRECTORY)
        _ = try system("unshare the mount namespace") { apus_unshare(Int32(CLONE_NEWNS)) }
        var outcome: Swift.Result<Result, SystemError>
        do throws(SystemError) {
            try arrange(directory, movesRoot)
            outcome = .success(try body())
        } catch {
            outcome = .failure(error)
        }
        let (homeNumber, rootNumber, hereNumber) = (home.number, root.number, here.number)
        _ = try system("go back to the mount namespace") { apus_setns(homeNumber, Int32(CLONE_NEWNS)) }
        // setns(2) has made the root of the namespace the process's own.
        _ = try system("go back to the root directory") { fchdir(rootNumber) }
        _ = try system("go back to the root directory") { chroot(".") }
        _ = try system("go back to the working directory") { fchdir(hereNumber) }
        return try outcome.get()
    }

    private static func arrange(_ directory: String, _ movesRoot: Bool) throws(SystemError) {
        try mount(nil, "/", MS_REC | MS_SLAVE, "make / recursively slave")
        if movesRoot {
            try mount("/", "/", MS_BIND | MS_REC, "bind / on itself")
            // From the root up leads to what is mounted on it.
            _ = try system("chdir to the new root") { chdir("/..") }
            _ = try system("chroot to the new root") { chroot(".") }
        }
        try mount(directory, directory, MS_BIND | MS_REC, "bind \(directory) on itself")
    }

    private static let MS_BIND: UInt = 4096
    private static let MS_REC: UInt = 16384
    private static let MS_SLAVE: UInt = 1 << 19

    private static func mount(
        _ source: String?, _ target: String, _ flags: UInt, _ doing: String
    ) throws(SystemError) {
        _ = try system(doing) { apus_mount(source, target, flags) }
    }
}
