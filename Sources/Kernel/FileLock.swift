import CKernel
import Diagnosis
import Glibc

/// An exclusive lock on a file (flock(2)), held as long as this value lives; the kernel lets go of it when the process
/// ends, however that happens.
public struct FileLock: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// Takes the lock, and makes the file if it is missing. Does not wait.
    ///
    /// - Throws: EWOULDBLOCK if another process holds it.
    public static func take(_ path: String) throws(SystemError) -> FileLock {
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        let number = file.number
        _ = try system("lock \(path)") { flock(number, LOCK_EX | LOCK_NB) }
        return FileLock(descriptor: file)
    }
}
