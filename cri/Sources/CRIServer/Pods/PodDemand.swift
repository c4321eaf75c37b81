import CRIProto
import CRISpec
import Diagnosis
import Glibc

/// What RunPodSandbox asks for, looked through before anything is made.
///
/// There is no process of the sandbox's own in which `run_as_user`, `run_as_group`, `supplemental_groups`,
/// `readonly_rootfs`, `seccomp` and `apparmor` of LinuxSandboxSecurityContext could take effect: they are for runtimes
/// whose sandbox is a container with an image. `overhead` and `resources` tell what kubelet has written into the pod's
/// cgroup itself.
struct PodDemand: Sendable {
    let config: Runtime_V1_PodSandboxConfig
    let handler: RuntimeHandler
    let namespaces: PodNamespaces

    init(_ request: Runtime_V1_RunPodSandboxRequest, handlers: RuntimeHandlers) throws(CRIError) {
        guard request.hasConfig else { throw CRIError.invalid("/config", "is missing") }
        config = request.config
        handler = try handlers.named(request.runtimeHandler)
        do throws(SpecificationError) {
            namespaces = try PodNamespaces.check(config)
            // Each container's is checked by its own; what is wrong with all of them is said before there is a pod.
            _ = try CgroupPlacement.place(
                "any", below: config.linux.cgroupParent, driver: handler.usesSystemd ? .systemd : .cgroupfs,
                at: "/config/linux/cgroup_parent")
        } catch {
            throw CRIError(error)
        }
        if hasUserNamespace, !hasOwnNetwork {
            throw CRIError(
                .unimplemented,
                Failure(
                    at: "/config/linux/security_context/namespace_options/network",
                    "NODE does not go with a user namespace of the pod's own"))
        }
        try checkMetadata()
        try checkPorts()
        try checkHostName()
        for name in config.linux.sysctls.keys.sorted() {
            try Sysctls.check(name, hasOwnNetwork: hasOwnNetwork, hasOwnIPC: hasOwnIPC)
        }
    }

    var hasOwnNetwork: Bool { !namespaces.isHostNetwork }
    var hasOwnIPC: Bool { !namespaces.isHostIPC }
    var sharesPID: Bool { namespaces.pid == .pod }
    var hasUserNamespace: Bool { namespaces.userMappings != nil }

    private func checkMetadata() throws(CRIError) {
        guard config.hasMetadata else { throw CRIError.invalid("/config/metadata", "is missing") }
        if config.metadata.name.isEmpty { throw CRIError.invalid("/config/metadata/name", "is empty") }
        if config.metadata.namespace.isEmpty {
            throw CRIError.invalid("/config/metadata/namespace", "is empty")
        }
    }

    private func checkPorts() throws(CRIError) {
        for (index, mapping) in config.portMappings.enumerated() {
            let place = Pointer("/config/port_mappings").index(index)
            guard (0...65535).contains(mapping.hostPort) else {
                throw CRIError.invalid(place.key("host_port"), "\(mapping.hostPort) is no port")
            }
            guard (1...65535).contains(mapping.containerPort) || mapping.hostPort == 0 else {
                throw CRIError.invalid(place.key("container_port"), "\(mapping.containerPort) is no port")
            }
            guard mapping.hostIp.isEmpty || Self.isAddress(mapping.hostIp) else {
                throw CRIError.invalid(place.key("host_ip"), "\"\(mapping.hostIp)\" is no IP address")
            }
            guard [.tcp, .udp, .sctp].contains(mapping.protocol) else {
                throw CRIError.invalid(
                    place.key("protocol"), "\(mapping.protocol.rawValue): no such protocol")
            }
        }
    }

    /// IPv4 or IPv6, as inet_pton(3) reads them.
    private static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
    }

    /// sethostname(2): at most 64 bytes.
    private func checkHostName() throws(CRIError) {
        guard config.hostname.utf8.count <= 64 else {
            throw CRIError.invalid(
                "/config/hostname",
                "\"\(config.hostname)\" has \(config.hostname.utf8.count) bytes: 64 is the most")
        }
        guard !config.hostname.utf8.contains(where: { $0 < 0x21 || $0 == UInt8(ascii: "/") }) else {
            throw CRIError.invalid("/config/hostname", "\"\(config.hostname)\" is no host name")
        }
    }
}
