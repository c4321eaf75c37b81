import Diagnosis
import Glibc

extension FileTree {
    /// The names of the directories in a directory, `.` and `..` left out, in no order. Links do not count.
    ///
    /// The kinds come with the names (readdir(3)): a file system that does not tell them has none here. cgroup2,
    /// which this is for, does.
    public static func listDirectories(_ path: String) throws(SystemError) -> [String] {
        guard let stream = opendir(path) else { throw SystemError("open \(path)", Errno(errno)) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemError("read \(path)", Errno(errno)) }
                return names
            }
            guard Int32(entry.pointee.d_type) == Int32(DT_DIR) else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }
}
