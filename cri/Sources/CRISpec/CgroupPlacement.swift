import Diagnosis

/// Where a container's cgroup is, in the way that its runtime is told.
package enum CgroupPlacement: Equatable, Sendable {
    /// A path below the mount of the cgroup file system.
    case cgroupfs(path: String)
    /// A scope of systemd's: `PREFIX-NAME.scope` in the slice. The runtime is called with --systemd-cgroup.
    case systemd(slice: String, prefix: String, name: String)

    package enum Driver: Equatable, Sendable { case cgroupfs, systemd }

    /// By the pod's `cgroup_parent`, which is a path or, for systemd, a slice or a path of slices.
    ///
    /// - Parameters:
    ///   - fallback: The parent of pods that name none; `system.slice` with systemd.
    ///   - pointer: Where `cgroup_parent` stands in the request.
    package static func place(
        _ id: String, below parent: String, driver: Driver, prefix: String = "cri-apus",
        fallback: String = "/apus-cri", at pointer: Pointer = "/sandbox_config/linux/cgroup_parent"
    ) throws(SpecificationError) -> CgroupPlacement {
        if parent.utf8.contains(0) || parent.split(separator: "/").contains("..") {
            throw SpecificationError(at: pointer, "\(quoted(parent)) is not a cgroup")
        }
        switch driver {
        case .cgroupfs:
            return .cgroupfs(path: cleanPath((parent.isEmpty ? fallback : parent) + "/" + id))
        case .systemd:
            let slice = parent.split(separator: "/").last.map(String.init) ?? "system.slice"
            guard slice.hasSuffix(".slice"), !slice.contains(":") else {
                throw SpecificationError(
                    at: pointer, "\(quoted(parent)) is not a slice of systemd's",
                    remedy: "set the same cgroup driver for the kubelet and for apus-cri")
            }
            return .systemd(slice: slice, prefix: prefix, name: id)
        }
    }

    /// `linux.cgroupsPath` of config.json.
    package var cgroupsPath: String {
        switch self {
        case .cgroupfs(let path): path
        case .systemd(let slice, let prefix, let name): "\(slice):\(prefix):\(name)"
        }
    }
}
