import CKernel
import Diagnosis
import Glibc

/// Descriptors 0, 1 and 2.
public enum StandardDescriptors {
    /// A further descriptor of the same file as one of these.
    public static func copy(_ number: Int32) throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try system("dup descriptor \(number)") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    /// What they stand for, as /proc has it: `pipe:[4711]`, `/dev/null`.
    public static func names() throws(SystemError) -> [String] {
        var names: [String] = []
        for number in 0...2 { names.append(try FileTree.readLink("/proc/self/fd/\(number)")) }
        return names
    }

    /// Whether a descriptor, be it another than these, is open for writing.
    public static func isWritable(_ number: Int32) -> Bool {
        let flags = fcntl(number, F_GETFL)
        return flags >= 0 && flags & O_ACCMODE != O_RDONLY
    }

    /// Opens the null device for each that the caller left closed: what is opened next would take its place,
    /// and become some program's standard output.
    public static func open() {
        for number in Int32(0)...2 where fcntl(number, F_GETFD) < 0 {
            // The lowest free number is this one.
            _ = Glibc.open("/dev/null", O_RDWR)
        }
    }

    /// Reads standard input to its end, or until `limit` bytes; it stays open.
    public static func readInput(limit: Int) throws(SystemError) -> [UInt8] {
        let copy = FileDescriptor(owning: try system("dup standard input") { fcntl(0, F_DUPFD_CLOEXEC, 3) })
        return try copy.readAll(limit: limit, name: "standard input")
    }

    /// fchown(2), so that the user can open it again by name. Not of the null device, which is everybody's; and
    /// where it cannot be done the user has it open all the same.
    public static func give(_ number: Int32, to uid: UInt32, _ gid: UInt32?) {
        var status = stat()
        guard fstat(number, &status) == 0 else { return }
        let isNull = status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0x103
        if isNull || status.st_uid == uid { return }
        _ = fchown(number, uid, gid ?? gid_t.max)
    }
}
