import Diagnosis
import Glibc
import Kernel

extension ContainerCgroup {
    /// ``below(_:)`` where there are v1 hierarchies: one path for all of them and the cgroup v2 tree, or one for each
    /// of `CONTROLLER,CONTROLLER:PATH`.
    func belowLegacy(_ written: [String]) throws(Failure) -> Self {
        let option = Failure.Origin.option("--cgroup")
        var places = paths
        for entry in written {
            let parts = entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 1 && written.count > 1 {
                throw Failure(
                    option, reason: "\(entry): a path without controllers is for all of them",
                    remedy: "give it alone, or write CONTROLLER:\(entry)")
            }
            let keys = parts.count == 1 ? Array(paths.keys) : parts[0].split(separator: ",").map(String.init)
            let names = CgroupPath.cleaned(String(parts[parts.count - 1]))
            for key in keys {
                guard let own = paths[key] else {
                    throw Failure(option, reason: "unknown controller \(key) in \(entry)")
                }
                let place = ([own] + names).joined(separator: "/")
                guard FileTree.exists(place) else {
                    throw Failure(
                        option, errno: Errno(ENOENT), reason: "\(parts[parts.count - 1]) is not below \(own)")
                }
                // Controllers that share a hierarchy cannot part.
                for (other, path) in paths where path == own { places[other] = place }
            }
        }
        return ContainerCgroup(paths: places)
    }
}
