import Diagnosis
import Kernel

/// The file of `--pid-file`.
struct PidFile {
    /// Absolute.
    let path: String

    /// - Parameter path: as given; relative to the working directory as it is now.
    init(_ path: String) throws(Failure) {
        self.path = try Failure.blaming(.option("--pid-file")) { () throws(SystemError) in
            try WorkingDirectory.absolute(path)
        }
    }

    /// Puts it in place whole. No newline: containerd parses every byte.
    func write(_ pid: Int32) throws(Failure) {
        try Failure.blaming(.option("--pid-file")) { () throws(SystemError) in
            try FileTree.replace(path, with: Array(String(pid).utf8), mode: 0o644)
        }
    }
}
