import CRISpec

/// What the operator decides about pods and containers.
package struct PodSettings: Sendable {
    /// The host's, for pods that are given none.
    package var hostname = "localhost"
    /// How long a killed process may take to die.
    package var killTimeout = Duration.seconds(60)
    /// Bytes of each stream that ExecSync keeps.
    package var execOutputLimit = 16 << 20
    /// `net.ipv4.ip_unprivileged_port_start = 0`: any user of a pod may listen on ports below 1024.
    package var allowsUnprivilegedPorts = false
    /// `net.ipv4.ping_group_range`: any user of a pod may ping.
    package var allowsUnprivilegedPing = false
    /// Bytes of a pod's /dev/shm.
    package var sharedMemorySize = 64 << 20
    /// Directories of CDI specifications.
    package var cdiDirectories = ["/etc/cdi", "/var/run/cdi"]
    package var specification = SpecificationOptions()

    package init() {}

    /// Parameters that pods with a network of their own get unless they ask for others. A user namespace need not have
    /// every group of the range, and then refuses it.
    func networkSysctls(hasUserNamespace: Bool) -> [String: String] {
        var values: [String: String] = [:]
        if allowsUnprivilegedPorts { values["net.ipv4.ip_unprivileged_port_start"] = "0" }
        if allowsUnprivilegedPing, !hasUserNamespace { values["net.ipv4.ping_group_range"] = "0 2147483647" }
        return values
    }

    func specification(of handler: RuntimeHandler) -> SpecificationOptions {
        var options = specification
        options.privilegedWithoutHostDevices = handler.specification.privilegedWithoutHostDevices
        options.privilegedWithoutHostDevicesAllAllowed =
            handler.specification.privilegedWithoutHostDevicesAllAllowed
        options.podAnnotations = handler.specification.podAnnotations
        options.containerAnnotations = handler.specification.containerAnnotations
        return options
    }
}
