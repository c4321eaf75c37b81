import Diagnosis
import Kernel
import OCISpec

/// The ID maps of a user namespace (user_namespaces(7)).
enum IDMaps {
    /// Writes both for the namespace that `pid` is in. Without a mapping the file stays empty.
    static func write(pid: Int32, uid: [IDMapping], gid: [IDMapping]) throws(Failure) {
        try write(uid, "/proc/\(pid)/uid_map", "/linux/uidMappings")
        try write(gid, "/proc/\(pid)/gid_map", "/linux/gidMappings")
    }

    private static func write(_ mappings: [IDMapping], _ path: String, _ pointer: Pointer) throws(Failure) {
        guard !mappings.isEmpty else { return }
        let lines = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
        try Failure.blaming(.config(pointer), remedy: "ranges must not overlap, and 340 are the most") {
            () throws(SystemError) in
            try FileTree.write(lines, to: path)
        }
    }
}
