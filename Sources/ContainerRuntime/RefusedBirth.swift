import Diagnosis
import Glibc

extension Failure {
    /// Whether the kernel may have said so to CLONE_INTO_CGROUP (clone(2), "ERRORS"): the cgroup has controllers
    /// for its children, is in an invalid or another threaded domain, is gone, or is not the caller's to use.
    var isRefusedBirth: Bool {
        guard let errno else { return false }
        return [EBUSY, EOPNOTSUPP, EACCES, ENOENT, ENODEV, EINVAL].map(Errno.init).contains(errno)
    }
}
