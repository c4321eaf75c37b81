import CRIProto
import PodNetwork

extension PodDemand {
    /// What CNI is told of the pod.
    func attachment(for pod: Pod, layout: Layout) -> PodAttachment {
        var attachment = PodAttachment(
            id: pod.id, name: config.metadata.name, namespace: config.metadata.namespace,
            uid: config.metadata.uid,
            netns: layout.namespace("net", of: pod.id))
        attachment.portMappings = config.portMappings.compactMap(PodAttachment.PortMapping.init)
        if config.hasDnsConfig {
            attachment.dns = .init(
                servers: config.dnsConfig.servers, searches: config.dnsConfig.searches,
                options: config.dnsConfig.options)
        }
        attachment.annotations = config.annotations
        if !config.linux.cgroupParent.isEmpty { attachment.cgroupPath = config.linux.cgroupParent }
        return attachment
    }
}

extension PodAttachment.PortMapping {
    /// Nil where no port of the host is asked for.
    fileprivate init?(_ mapping: Runtime_V1_PortMapping) {
        guard mapping.hostPort > 0 else { return nil }
        let transport: PodAttachment.PortMapping.Transport
        switch mapping.protocol {
        case .udp: transport = .udp
        case .sctp: transport = .sctp
        // Any other has been refused.
        default: transport = .tcp
        }
        self.init(
            transport, containerPort: mapping.containerPort, hostPort: mapping.hostPort,
            hostIP: mapping.hostIp)
    }
}
