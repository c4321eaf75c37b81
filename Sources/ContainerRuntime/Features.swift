import Capabilities
import Cgroups
import Diagnosis
import LaunchPlan
import OCISpec
import Seccomp

extension ContainerRuntime {
    /// What this runtime does (features.md), whatever the host can do: only of seccomp's flags are those told apart
    /// that the kernel has. What is not supported yet is not in it.
    public func features() throws(Failure) -> Features {
        var features = Features(ociVersionMin: "1.0.0", ociVersionMax: Self.specVersion)
        features.hooks = HookKind.allCases.map(\.rawValue)
        features.mountOptions = MountOptions.known
        var linux = Features.Linux()
        linux.namespaces = Namespace.Kind.allCases.map(\.rawValue).sorted()
        linux.capabilities = CapabilitySet.all(upTo: 63).names
        linux.cgroup = Self.cgroupFeatures
        linux.seccomp = Self.seccompFeatures(.detect())
        linux.apparmorEnabled = true
        linux.selinuxEnabled = true
        linux.memoryPolicy = Features.MemoryPolicy()
        linux.memoryPolicy?.modes = MemoryPolicy.Mode.allCases.map(\.rawValue)
        linux.memoryPolicy?.flags = MemoryPolicy.Flag.allCases.map(\.rawValue)
        linux.intelRdt = Features.IntelRdt()
        linux.intelRdt?.enabled = true
        linux.intelRdt?.schemata = true
        linux.intelRdt?.monitoring = true
        linux.idmapMountsEnabled = true
        linux.netDevicesEnabled = true
        features.linux = linux
        features.annotations["io.github.seccomp.libseccomp.version"] = SeccompFilter.libraryVersion
        features.annotations["org.opencontainers.runc.checkpoint.enabled"] = "true"
        features.potentiallyUnsafeConfigAnnotations =
            ["org.systemd.property.", "org.criu.config"] + RuntimeAnnotations.names
        return features
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
        seccomp.enabled = true
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
