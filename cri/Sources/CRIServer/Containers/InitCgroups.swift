import Cgroups
import Diagnosis
import Kernel

/// The cgroups in which a runtime has put a container's init, whichever runtime it was: directories by controller, the
/// key of the cgroup v2 tree's being empty.
enum InitCgroups {
    /// Looked up while the process lives (/proc/PID/cgroup, cgroups(7)).
    static func directories(ofProcess pid: Int32) throws -> [String: String] {
        try directories(lines: FileTree.readText("/proc/\(pid)/cgroup"), on: CgroupHost.detect())
    }

    static func directories(lines: String, on host: CgroupHost) -> [String: String] {
        var directories: [String: String] = [:]
        for line in lines.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path = fields[2] == "/" ? "" : String(fields[2])
            if fields[1].isEmpty {
                if let mount = host.unifiedMount { directories[""] = mount + path }
                continue
            }
            for controller in fields[1].split(separator: ",").map(String.init) {
                guard let hierarchy = host.legacy.first(where: { $0.controllers.contains(controller) }) else {
                    continue
                }
                directories[controller] = hierarchy.mountPoint + path
            }
        }
        return directories
    }

    /// Lets a frozen cgroup of v1 go on: there a killed process dies no sooner (freezer-subsystem.rst).
    static func thaw(_ directories: [String: String]) throws(Failure) {
        guard directories["freezer"] != nil else { return }
        let cgroup = ContainerCgroup(paths: directories)
        if try cgroup.isFrozen() { try cgroup.thaw() }
    }

    /// Whether the kernel has killed a process in them for want of memory; no if they are gone.
    static func haveKilledForMemory(_ directories: [String: String]) -> Bool {
        ContainerCgroup(paths: directories).hasKilledForMemory
    }
}
