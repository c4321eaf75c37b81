import Cgroups
import Diagnosis
import Kernel
import Labels
import LaunchPlan
import OCISpec

extension HostFacts {
    /// Whether the runtime is the host's root, rather than that of a user namespace or nobody's.
    /// Asked once: the answer takes reading a file of /proc.
    static let hasHostRoot = ProcessControl.effectiveUID == 0 && !ProcessControl.isInUserNamespace

    /// Asks the host what the plan of this bundle depends on, and no more.
    /// - Parameter deniesGroups: see ``HostFacts/deniesGroups``.
    static func gather(
        _ config: Config, rootfs: String, id: String, cgroup: ContainerCgroup, host: CgroupHost,
        deniesGroups: Bool = false
    ) throws(Failure) -> HostFacts {
        let wantsLabels =
            config.process?.apparmorProfile?.isEmpty == false
            || config.process?.selinuxLabel?.isEmpty == false || config.linux?.mountLabel?.isEmpty == false
        var facts = HostFacts(
            rootfs: rootfs, containerID: id,
            lsm: wantsLabels
                ? LSMHost.detect()
                : LSMHost(hasAppArmor: false, hasAppArmorAttributes: false, hasSELinux: false))
        facts.isPrivileged = hasHostRoot
        facts.ownCapabilities = ProcessControl.permittedCapabilities
        facts.deniesGroups = deniesGroups
        facts.hasKcore = FileTree.exists("/proc/kcore")
        if let unified = cgroup.unified {
            facts.cgroup = .v2(directory: unified.path, unified: host.kind == .unified)
        }
        if let paths = cgroup.legacy?.paths {
            facts.legacyCgroups = host.legacy.compactMap { hierarchy in
                guard let first = hierarchy.controllers.first, let directory = paths[first] else {
                    return nil
                }
                return LegacyCgroup(
                    controllers: hierarchy.controllers, name: hierarchy.name, directory: directory)
            }
        }
        return facts
    }
}
