import CRIProto
import OCISpec

/// What the operator decides.
package struct SpecificationOptions: Equatable, Sendable {
    /// A profile of the OCI's form that stands in for the one built in where RuntimeDefault is asked for.
    package var defaultSeccompProfile: String?
    /// What a container gets that says nothing of seccomp: the interface says no filter.
    package var unsetSeccomp: Runtime_V1_SecurityProfile.ProfileType = .unconfined
    /// The kubelet's directory of seccomp profiles, which `localhost/` profiles with relative names are looked for
    /// in; nil allows absolute ones alone.
    package var seccompRoot: String?
    /// The name of a loaded profile that is RuntimeDefault.
    package var defaultAppArmorProfile: String?
    /// Contexts without a level, for processes and files, where SELinux is on.
    package var selinuxProcessContext = "system_u:system_r:container_t"
    package var selinuxFileContext = "system_u:object_r:container_file_t"
    package var defaultCapabilities = Capability.usual
    /// Limits for every container.
    package var resourceLimits: [RLimit] = []
    /// The most tasks of a container; nil leaves it to the pod's cgroup.
    package var pidsLimit: Int64?
    /// Gives the nodes of `config.devices` to run_as_user and run_as_group.
    package var deviceOwnershipFromSecurityContext = false
    /// Masks and protects the usual paths, whatever the container asks for.
    package var disableProcMount = false
    /// Leaves limits of huge pages out on hosts that cannot account for them; else they are refused.
    package var toleratesMissingHugetlb = true
    /// Raises an OOM score adjustment to the daemon's own where the host forbids a lower one; else the runtime
    /// gets the value as it is, and fails.
    package var restrictsOOMScoreAdjustment = true
    /// Privileged containers get no devices of the host's but those they name.
    package var privilegedWithoutHostDevices = false
    /// With the above: may still use all devices.
    package var privilegedWithoutHostDevicesAllAllowed = false
    /// /sys/fs/cgroup is writable in containers that are not privileged (needs a cgroup namespace).
    package var cgroupWritable = false
    /// Patterns (fnmatch(3)) of annotations of pods, and of containers, that the runtime may see.
    package var podAnnotations: [String] = []
    package var containerAnnotations: [String] = []
    /// Places on the host that are refused, and not made, where a mount's host path is missing.
    package var refusedMissingPaths: [String] = []

    package init() {}
}
