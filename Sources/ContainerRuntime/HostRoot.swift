import LaunchPlan
import OCISpec

extension Config {
    /// Who is to own the container's cgroup, on the host: its root, if that is another than the host's, and if
    /// the container sees its part of the tree, and that alone, where it may write (config-linux.md, "Cgroup
    /// ownership").
    var cgroupOwner: UInt32? {
        guard hasNew(.cgroup), let owner = hostID(of: linux?.uidMappings), owner != 0 else { return nil }
        let isWritable = mounts.contains { mount in
            ["cgroup", "cgroup2"].contains(mount.type)
                && mount.options.last { $0 == "ro" || $0 == "rw" } != "ro"
        }
        return isWritable ? owner : nil
    }

    private func hostID(of mappings: [IDMapping]?) -> UInt32? {
        mappings?.first { $0.containerID == 0 && $0.size > 0 }?.hostID
    }
}
