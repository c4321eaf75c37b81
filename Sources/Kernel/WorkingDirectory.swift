import Diagnosis
import Glibc

/// The calling process's working directory.
public enum WorkingDirectory {
    /// getcwd(2).
    public static func current() throws(SystemError) -> String {
        guard let path = getcwd(nil, 0) else { throw SystemError("getcwd", Errno(errno)) }
        defer { free(path) }
        return String(cString: path)
    }

    /// chdir(2).
    public static func change(to path: String) throws(SystemError) {
        _ = try system("chdir to \(path)") { chdir(path) }
    }

    /// `path` if it is absolute, else the same below the working directory. Links are not resolved.
    public static func absolute(_ path: String) throws(SystemError) -> String {
        path.utf8.first == 0x2f ? path : "\(try current())/\(path)"
    }
}
