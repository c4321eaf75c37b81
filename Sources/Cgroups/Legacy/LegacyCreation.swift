import Diagnosis
import Glibc
import Kernel

extension LegacyCgroup {
    /// Where ``create(_:on:)`` would make them; nothing is made.
    ///
    /// - Returns: `nil` on a host without v1 hierarchies.
    static func planned(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> LegacyCgroup? {
        host.legacy.isEmpty ? nil : LegacyCgroup(paths: try LegacyChain.all(request, on: host).paths)
    }

    /// Makes the container's cgroup in every hierarchy.
    ///
    /// - Returns: the directories that had to be made, the outermost of each hierarchy first.
    /// - Throws: a cgroup has processes or is frozen; or the system call that failed. Nothing is left behind.
    static func create(_ chains: [LegacyChain], _ request: CgroupRequest) throws(Failure) -> [String] {
        let origin: Failure.Origin =
            request.cgroupsPath?.isEmpty == false ? .config(CgroupPath.origin) : .runtime
        var made: [String] = []
        do throws(Failure) {
            for chain in chains {
                do throws(SystemError) {
                    try chain.make(&made)
                } catch {
                    throw Failure(origin, error)
                }
                try chain.requireUnused(isNew: made.last == chain.directory, origin)
            }
            return made
        } catch {
            for directory in made.reversed() { _ = try? FileTree.removeDirectory(directory) }
            throw error
        }
    }
}

/// The directories from the mount of a hierarchy down to a container's cgroup.
struct LegacyChain {
    let hierarchy: LegacyHierarchy
    let names: [String]

    /// The container's cgroup.
    var directory: String { hierarchy.mountPoint + "/" + names.joined(separator: "/") }

    /// One for each hierarchy of the host.
    static func all(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> [LegacyChain] {
        var own: String?
        var chains: [LegacyChain] = []
        for hierarchy in host.legacy {
            let names = try CgroupPath.components(cgroupsPath: request.cgroupsPath, id: request.id) {
                () throws(Failure) in
                if own == nil {
                    own = try Failure.blaming { () throws(SystemError) in try HostFile.ownCgroups.text() }
                }
                let path = CgroupPath.legacy(hierarchy, in: own ?? "") ?? "/"
                return CgroupPath.visible(path, mountRoot: hierarchy.root)
            }
            chains.append(LegacyChain(hierarchy: hierarchy, names: names))
        }
        return chains
    }

    /// One for each hierarchy of the host, all with the same names.
    static func at(_ names: [String], on host: CgroupHost) -> [LegacyChain] {
        host.legacy.map { LegacyChain(hierarchy: $0, names: names) }
    }

    /// Makes what is missing.
    ///
    /// - Parameter made: gets what was made, on failure too.
    func make(_ made: inout [String]) throws(SystemError) {
        // A parent may be removed by the container that made it while this one is at its child.
        var attempts = 3
        while true {
            do throws(SystemError) {
                return try makeOnce(&made)
            } catch  where error.errno == Errno(ENOENT) && attempts > 1 {
                attempts -= 1
            }
        }
    }

    private func makeOnce(_ made: inout [String]) throws(SystemError) {
        var parent = hierarchy.mountPoint
        for directory in CgroupChain.directories(mount: parent, names: names) {
            do throws(SystemError) {
                try FileTree.makeDirectory(directory, mode: 0o755)
                made.append(directory)
            } catch  where error.errno == Errno(EEXIST) {
                // It may be another container's, or that of this one's parent.
            }
            if hierarchy.controllers.contains("cpuset") { try Self.fillCpuset(directory, from: parent) }
            parent = directory
        }
    }

    /// A new cpuset has neither CPUs nor memory nodes, and takes in no process until it has both.
    private static func fillCpuset(_ directory: String, from parent: String) throws(SystemError) {
        for file in ["cpuset.cpus", "cpuset.mems"] where try FileTree.readText("\(directory)/\(file)").isEmpty
        {
            try FileTree.write(try FileTree.readText("\(parent)/\(file)"), to: "\(directory)/\(file)")
        }
    }

    func requireUnused(isNew: Bool, _ origin: Failure.Origin) throws(Failure) {
        if !isNew { try Cgroup(path: directory).requireEmpty(origin) }
        guard hierarchy.controllers.contains("freezer"),
            try LegacyFreezer(path: directory).isFrozen()
        else { return }
        // A new cgroup below a frozen one is frozen too: its first process would never run.
        throw Failure(
            origin, reason: "container's cgroup unexpectedly frozen",
            remedy: "write THAWED to freezer.state in \(directory) or above it")
    }
}

extension [LegacyChain] {
    /// The directories by controller.
    var paths: [String: String] {
        var paths: [String: String] = [:]
        for chain in self {
            for controller in chain.hierarchy.controllers { paths[controller] = chain.directory }
        }
        return paths
    }
}
