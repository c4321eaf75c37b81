import Cgroups
import Diagnosis
import Kernel

/// The cgroup of all monitors, away from the daemon's own, so that nobody stops them with it.
enum MonitorCgroup {
    /// Makes it in each hierarchy of the host where it is missing.
    ///
    /// - Parameter path: below the mounts of the hierarchies; empty is the daemon's own cgroup.
    /// - Returns: its directories.
    static func make(_ path: String) throws -> [String] {
        guard !path.isEmpty else { return [] }
        let host = try CgroupHost.detect()
        var directories: [String] = []
        for mount in [host.unifiedMount].compactMap({ $0 }) + host.legacy.map(\.mountPoint) {
            // A new cpuset has no processors, and takes no process, until somebody gives it some.
            if host.legacy.contains(where: { $0.mountPoint == mount && $0.controllers.contains("cpuset") }) {
                continue
            }
            let directory = mount + "/" + path.drop { $0 == "/" }
            try FileTree.makeDirectories(directory, mode: 0o755)
            directories.append(directory)
        }
        return directories
    }
}
