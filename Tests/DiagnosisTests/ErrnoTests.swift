import Diagnosis
import Glibc
import Testing

@Suite struct ErrnoTests {
    /// Engines look for exactly these words, which are Go's.
    @Test(arguments: [
        (EPERM, "EPERM", "operation not permitted"), (ENOENT, "ENOENT", "no such file or directory"),
        (ESRCH, "ESRCH", "no such process"), (EIO, "EIO", "input/output error"),
        (E2BIG, "E2BIG", "argument list too long"), (ENOEXEC, "ENOEXEC", "exec format error"),
        (EBADF, "EBADF", "bad file descriptor"), (ECHILD, "ECHILD", "no child processes"),
        (EAGAIN, "EAGAIN", "resource temporarily unavailable"), (ENOMEM, "ENOMEM", "cannot allocate memory"),
        (EACCES, "EACCES", "permission denied"), (EBUSY, "EBUSY", "device or resource busy"),
        (EEXIST, "EEXIST", "file exists"), (EXDEV, "EXDEV", "invalid cross-device link"),
        (ENODEV, "ENODEV", "no such device"), (ENOTDIR, "ENOTDIR", "not a directory"),
        (EISDIR, "EISDIR", "is a directory"), (EINVAL, "EINVAL", "invalid argument"),
        (ENFILE, "ENFILE", "too many open files in system"), (EMFILE, "EMFILE", "too many open files"),
        (ETXTBSY, "ETXTBSY", "text file busy"), (EFBIG, "EFBIG", "file too large"),
        (ENOSPC, "ENOSPC", "no space left on device"), (EROFS, "EROFS", "read-only file system"),
        (EPIPE, "EPIPE", "broken pipe"), (ENAMETOOLONG, "ENAMETOOLONG", "file name too long"),
        (ENOSYS, "ENOSYS", "function not implemented"), (ENOTEMPTY, "ENOTEMPTY", "directory not empty"),
        (ELOOP, "ELOOP", "too many levels of symbolic links"),
        (EOPNOTSUPP, "EOPNOTSUPP", "operation not supported"),
        (ETIMEDOUT, "ETIMEDOUT", "connection timed out"),
    ])
    func namesAndTexts(_ number: Int32, _ name: String, _ text: String) {
        let error = Errno(number)
        #expect(error.rawValue == number)
        #expect(error.name == name)
        #expect(error.text == text)
        #expect("\(error)" == "\(text) (\(name))")
    }

    /// A word that is written in capitals throughout keeps them.
    @Test(arguments: [(73, "RFS specific error"), (ENOENT, "no such file or directory")])
    func capitals(_ number: Int32, _ text: String) {
        #expect(Errno(number).text == text)
    }

    @Test(arguments: [Int32.min, -1, 41, 4095, 100_000, .max])
    func unknown(_ number: Int32) {
        #expect(Errno(number).name == "errno \(number)")
        #expect(Errno(number).text == "unknown error")
        #expect(Errno(number).description == "unknown error (errno \(number))")
    }

    @Test func everyKnownOneBeginsInLowerCase() {
        let known = (1...200).map(Errno.init).filter { !$0.name.hasPrefix("errno") }
        #expect(known.count > 100)
        for error in known {
            let letters = error.text.prefix(2)
            let isAcronym = letters.allSatisfy { $0.isUppercase }
            #expect(isAcronym || letters.first?.isUppercase == false, "\(error)")
            #expect(error.name.first == "E")
        }
    }

    @Test func equality() {
        #expect(Errno(ENOENT) == Errno(2))
        #expect(Set([Errno(EAGAIN), Errno(EWOULDBLOCK)]).count == 1)
    }
}
