import Diagnosis
import Kernel

/// Which cgroup is a container's, as a path below the mount of a hierarchy.
///
/// The rules are those of runc's cgroupfs driver (config-linux.md, "Cgroups Path", leaves them to the runtime):
/// - absolute: from the mount;
/// - relative: on a unified host, below the parent of the runtime's own cgroup, because its own has processes in
///   it, and a cgroup with processes cannot share controllers out to children; where there is cgroup v1, below
///   the runtime's own cgroup, which may be another one in each hierarchy;
/// - absent or empty: the container's ID there.
///
/// `..` never leads above the point that a path starts from. The systemd driver's `slice:prefix:name` has no
/// meaning of its own here: it is a relative path of one odd name.
enum CgroupPath {
    static let origin: Pointer = "/linux/cgroupsPath"

    /// The names from the mount down, at least one.
    ///
    /// - Parameter base: what a relative path is below; asked for only if it matters.
    static func components(
        cgroupsPath: String?, id: String, base: () throws(Failure) -> String
    ) throws(Failure) -> [String] {
        let written = cgroupsPath ?? ""
        if written.utf8.contains(0) {
            throw Failure(at: origin, "a path cannot contain a NUL byte")
        }
        let own = cleaned(written.isEmpty ? id : written)
        if own.isEmpty {
            throw Failure(
                at: origin, "\"\(written)\" is not a cgroup below another one",
                remedy: "give the container a cgroup of its own, for example /containers/\(id)")
        }
        if written.utf8.first == UInt8(ascii: "/") { return own }
        return cleaned(try base()) + own
    }

    /// The names in a path, taken as if it started at the root: `.` dropped, `..` resolved and stopped there.
    static func cleaned(_ path: String) -> [String] {
        var names: [String] = []
        for name in split(path) {
            switch name {
            case ".": break
            case "..": _ = names.popLast()
            default: names.append(name)
            }
        }
        return names
    }

    /// The cgroup v2 line of a `/proc/PID/cgroup`: `0::/user.slice`.
    static func unified(in text: String) -> String? {
        for line in Array(text.utf8).split(separator: UInt8(ascii: "\n")) where line.starts(with: "0::".utf8)
        {
            return String(decoding: line.dropFirst(3), as: UTF8.self)
        }
        return nil
    }

    /// The line of a `/proc/PID/cgroup` for a v1 hierarchy: `4:memory:/user.slice`, `3:cpu,cpuacct:/`.
    static func legacy(_ hierarchy: LegacyHierarchy, in text: String) -> String? {
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(
                separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let first = hierarchy.controllers.first?.utf8 else { continue }
            let controllers = fields[1].split(separator: UInt8(ascii: ","))
            guard controllers.contains(where: { $0.elementsEqual(first) }) else { continue }
            return String(Substring(fields[2]))
        }
        return nil
    }

    /// The cgroup `own`, as seen below a mount that shows the tree from `mountRoot` on.
    ///
    /// A path that begins with `/..` lies outside of the cgroup namespace: the mount's top is all one can say.
    static func visible(_ own: String, mountRoot: String) -> String {
        var names = split(own)
        if names.first == ".." { return "/" }
        let root = split(mountRoot)
        if names.count >= root.count, Array(names[..<root.count]) == root { names.removeFirst(root.count) }
        return absolute(names)
    }

    /// The parent of that cgroup.
    static func parent(of own: String, mountRoot: String) -> String {
        var names = cleaned(visible(own, mountRoot: mountRoot))
        _ = names.popLast()
        return absolute(names)
    }

    private static func split(_ path: String) -> [String] {
        var names: [String] = []
        for name in path.utf8.split(separator: UInt8(ascii: "/")) { names.append(String(Substring(name))) }
        return names
    }

    private static func absolute(_ names: [String]) -> String {
        var path = ""
        for name in names { path += "/" + name }
        return path.isEmpty ? "/" : path
    }
}

extension CgroupHost {
    /// The directory of the caller's own cgroup in the cgroup v2 tree.
    public func ownDirectory() throws(Failure) -> String {
        guard let unifiedMount else { throw Failure("there is no cgroup v2 tree") }
        let own = try Failure.blaming { () throws(SystemError) in
            CgroupPath.unified(in: try HostFile.ownCgroups.text()) ?? "/"
        }
        let directory = unifiedMount + CgroupPath.visible(own, mountRoot: "/")
        return FileTree.exists(directory) ? directory : unifiedMount
    }

    /// What a relative path is below in the cgroup v2 tree, from the mount: see ``CgroupPath``.
    func base() throws(Failure) -> String {
        guard let unifiedMount else { return "/" }
        do throws(SystemError) {
            guard let own = CgroupPath.unified(in: try HostFile.ownCgroups.text()) else { return "/" }
            // In a container that shares the host's cgroup namespace, the mount shows a part of the tree and
            // /proc/self/cgroup speaks of the whole of it.
            var root = "/"
            if own != "/" && !FileTree.exists(unifiedMount + own) {
                let mounts = CgroupMounts(mountinfo: try HostFile.mountinfo.text())
                root = mounts.unified.last { $0.mountPoint == unifiedMount }?.root ?? "/"
            }
            return legacy.isEmpty
                ? CgroupPath.parent(of: own, mountRoot: root) : CgroupPath.visible(own, mountRoot: root)
        } catch {
            throw Failure(.runtime, error)
        }
    }
}
