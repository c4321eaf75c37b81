import Diagnosis
import Glibc

extension MountTree {
    /// Takes away whatever is mounted at a path, also if it is in use (umount2(2), MNT_DETACH); nothing if the path is not
    /// there, or no mount. A link at its end is not followed.
    public static func detach(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            // More than one may lie on top of the other, after a daemon that was killed in between.
            while true { try unmount(path, flags: lazily | noFollow) }
        } catch  where error.errno == Errno(EINVAL) || error.errno == Errno(ENOENT) {
            return
        }
    }

    /// MNT_DETACH and UMOUNT_NOFOLLOW.
    private static let lazily: Int32 = 2
    private static let noFollow: Int32 = 8
}
