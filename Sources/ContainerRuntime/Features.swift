import Capabilities
import Cgroups
import Diagnosis
import Kernel
import Labels
import LaunchPlan
import OCISpec
import Seccomp

extension ContainerRuntime {
    /// What this runtime does on this host (features.md): what is not supported yet is not in it.
    public func features() throws(Failure) -> Features {
        var features = Features(ociVersionMin: "1.0.0", ociVersionMax: Self.specVersion)
        features.hooks = HookKind.allCases.map(\.rawValue)
        features.mountOptions = MountOptions.known
        var linux = Features.Linux()
        linux.namespaces = Namespace.Kind.allCases.map(\.rawValue).sorted()
        linux.capabilities = CapabilitySet.all(upTo: try Self.lastCapability()).names
        linux.cgroup = Self.cgroupFeatures
        linux.seccomp = Self.seccompFeatures(.detect())
        let lsm = LSMHost.detect()
        linux.apparmorEnabled = lsm.hasAppArmor
        linux.selinuxEnabled = lsm.hasSELinux
        linux.memoryPolicy = Features.MemoryPolicy()
        linux.memoryPolicy?.modes = MemoryPolicy.Mode.allCases.map(\.rawValue)
        linux.memoryPolicy?.flags = MemoryPolicy.Flag.allCases.map(\.rawValue)
        linux.intelRdt = Features.IntelRdt()
        linux.intelRdt?.enabled = true
        linux.intelRdt?.schemata = true
        linux.intelRdt?.monitoring = true
        linux.idmapMountsEnabled = MountTree.canMapIDs
        linux.netDevicesEnabled = true
        features.linux = linux
        features.potentiallyUnsafeConfigAnnotations = ["org.systemd.property."] + RuntimeAnnotations.names
        return features
    }

    /// The highest capability that the kernel knows.
    private static func lastCapability() throws(Failure) -> Int {
        let path = "/proc/sys/kernel/cap_last_cap"
        let text = try Failure.blaming { () throws(SystemError) in try FileTree.readText(path) }
        guard let number = Int(text), (0...63).contains(number) else { throw Failure("\(path): \(text)") }
        return number
    }

    private static var cgroupFeatures: Features.Cgroup {
        var cgroup = Features.Cgroup()
        cgroup.v1 = true
        cgroup.v2 = true
        cgroup.systemd = true
        cgroup.systemdUser = cgroup.systemd
        cgroup.rdma = true
        return cgroup
    }

    private static func seccompFeatures(_ host: SeccompHost) -> Features.Seccomp {
        var seccomp = Features.Seccomp()
        seccomp.enabled = host.isAvailable
        seccomp.actions = SeccompProfile.Action.allCases.filter(SeccompHost.complete.actions.contains)
            .map(\.rawValue)
        seccomp.operators = SeccompProfile.Operator.allCases.map(\.rawValue)
        seccomp.archs = SeccompFilter.architectures.map(\.rawValue)
        seccomp.knownFlags = SeccompProfile.Flag.allCases.filter(SeccompHost.complete.flags.contains)
            .map(\.rawValue)
        seccomp.supportedFlags = SeccompProfile.Flag.allCases.filter(host.flags.contains).map(\.rawValue)
        return seccomp
    }
}
