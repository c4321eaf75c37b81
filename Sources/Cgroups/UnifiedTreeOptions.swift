import Diagnosis
import Kernel

/// The options of the cgroup v2 tree, `nsdelegate` and the like (cgroup-v2.rst, "Mounting"). They are the tree's, not a
/// mount's: whoever mounts it in the initial cgroup namespace without them takes them away from all, as CRIU does.
public struct UnifiedTreeOptions: Equatable, Sendable {
    let mountPoint: String
    let flags: [String]

    /// - Returns: `nil` on a host without the tree.
    public static func current() -> UnifiedTreeOptions? {
        guard let mountinfo = try? HostFile.mountinfo.text() else { return nil }
        return UnifiedTreeOptions(mountinfo: mountinfo)
    }

    init?(mountinfo: String) {
        for line in mountinfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3,
                fields[dash + 1] == "cgroup2"
            else { continue }
            mountPoint = String(fields[4])
            flags = fields[dash + 3].split(separator: ",").filter { $0 != "rw" && $0 != "ro" }.map(
                String.init)
            return
        }
        return nil
    }

    /// Gives the tree these options again, if it has others by now. Best effort: who may not was not the one.
    public func putBack() {
        guard let now = Self.current(), now.mountPoint == mountPoint, Set(now.flags) != Set(flags) else {
            return
        }
        try? SuperBlock.reconfigure(mountPoint, flags: flags)
    }
}
