import Diagnosis
import Glibc
import OCISpec

/// A pod that is to be attached to the network, and what the plugins are told of it.
public struct PodAttachment: Sendable, Equatable {
    /// The pod's ID, which is CNI's container ID.
    public var id: String
    /// What the orchestrator calls the pod: `K8S_POD_NAME`, `K8S_POD_NAMESPACE` and `K8S_POD_UID`.
    public var name: String
    public var namespace: String
    public var uid: String
    /// Where the pod's network namespace is pinned.
    public var netns: String
    /// The interface to be made in it.
    public var interface = "eth0"
    /// Those without a host port are left out: nothing is to be mapped there.
    public var portMappings: [PortMapping] = []
    /// For plugins that have the capability `dns`.
    public var dns: DNS?
    /// For plugins that have the capability `ips`: addresses with or without a prefix length.
    public var ips: [String] = []
    /// For plugins that have the capability `mac`.
    public var mac: String?
    /// The pod's annotations; among them `kubernetes.io/ingress-bandwidth` and `kubernetes.io/egress-bandwidth`.
    public var annotations: [String: String] = [:]
    /// The cgroup of the pod, for plugins that have the capability `cgroupPath`.
    public var cgroupPath: String?

    public init(id: String, name: String, namespace: String, uid: String, netns: String) {
        self.id = id
        self.name = name
        self.namespace = namespace
        self.uid = uid
        self.netns = netns
    }

    /// A port of the host that leads to one of the pod.
    public struct PortMapping: Sendable, Equatable {
        public enum Transport: String, Sendable, CaseIterable { case tcp, udp, sctp }
        public var transport: Transport
        public var containerPort: Int32
        /// 0 or less: no mapping.
        public var hostPort: Int32
        /// The host's address that listens; empty for all of them.
        public var hostIP: String

        public init(
            _ transport: Transport = .tcp, containerPort: Int32, hostPort: Int32, hostIP: String = ""
        ) {
            self.transport = transport
            self.containerPort = containerPort
            self.hostPort = hostPort
            self.hostIP = hostIP
        }
    }

    /// What the pod's resolver is configured to.
    public struct DNS: Sendable, Equatable {
        public var servers: [String]
        public var searches: [String]
        public var options: [String]

        public init(servers: [String] = [], searches: [String] = [], options: [String] = []) {
            self.servers = servers
            self.searches = searches
            self.options = options
        }
    }
}

extension PodAttachment {
    /// What is wrong with the parts that have no check of their own.
    func validate() throws(NetworkError) {
        guard CNIName.isValid(id) else {
            throw .invalid("pod ID", "\"\(id)\" is not one that CNI can have: \(CNIName.rule)")
        }
        guard CNIName.isValidInterface(interface) else {
            throw .invalid("interface", "\"\(interface)\" is not the name of a network interface")
        }
        for mapping in portMappings where mapping.hostPort > 0 {
            for port in [mapping.hostPort, mapping.containerPort] where !(1...65535).contains(port) {
                throw .invalid("portMappings", "\(port) is not a port: 1 to 65535 is allowed")
            }
            if !mapping.hostIP.isEmpty && IPAddress(mapping.hostIP) == nil {
                throw .invalid("portMappings", "\"\(mapping.hostIP)\" is not an IP address")
            }
        }
        for ip in ips where IPAddress(ip) == nil && IPPrefix(ip) == nil {
            throw .invalid("ips", "\"\(ip)\" is not an IP address")
        }
        if let mac, !Self.isMAC(mac) { throw .invalid("mac", "\"\(mac)\" is not a hardware address") }
    }

    /// `CNI_ARGS`, as kubelet's runtimes give them.
    func arguments() throws(NetworkError) -> String {
        let pairs = [
            ("IgnoreUnknown", "1"), ("K8S_POD_NAMESPACE", namespace), ("K8S_POD_NAME", name),
            ("K8S_POD_INFRA_CONTAINER_ID", id), ("K8S_POD_UID", uid),
        ]
        for (key, value) in pairs where value.contains(where: { $0 == ";" || $0 == "=" || $0 == "\0" }) {
            throw .invalid(
                key, "\"\(value)\" cannot be said in CNI_ARGS, which has ';' and '=' between its parts")
        }
        return pairs.map { "\($0)=\($1)" }.joined(separator: ";")
    }

    /// The capability arguments: of those a plugin gets what it declares (CONVENTIONS.md, "Well-known Capabilities").
    func capabilityArguments() throws(NetworkError) -> [PluginConfiguration.Member] {
        var arguments: [PluginConfiguration.Member] = []
        func add(_ key: String, _ write: (inout JSONWriter) -> Void) {
            var writer = JSONWriter()
            write(&writer)
            arguments.append(PluginConfiguration.Member(key: key, json: writer.bytes))
        }
        let mapped = portMappings.filter { $0.hostPort > 0 }
        if !mapped.isEmpty {
            add("portMappings") { $0.array { writer in mapped.forEach { $0.encode(to: &writer) } } }
        }
        if let bandwidth = try Bandwidth(annotations: annotations) { add("bandwidth", bandwidth.encode) }
        if let dns { add("dns", dns.encode) }
        if !ips.isEmpty { add("ips") { $0.array { writer in ips.forEach { writer.string($0) } } } }
        if let mac { add("mac") { $0.string(mac) } }
        if let cgroupPath, !cgroupPath.isEmpty { add("cgroupPath") { $0.string(cgroupPath) } }
        if !annotations.isEmpty {
            // The name that containerd gave it, by which plugins know it.
            add("io.kubernetes.cri.pod-annotations") { writer in
                writer.object { writer in
                    for (key, value) in annotations.sorted(by: { $0.key < $1.key }) {
                        writer.member(key, value)
                    }
                }
            }
        }
        return arguments
    }

    private static func isMAC(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return [6, 8, 20].contains(parts.count)
            && parts.allSatisfy { $0.utf8.count == 2 && $0.first != "+" && UInt8($0, radix: 16) != nil }
    }
}

extension PodAttachment.PortMapping {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("hostPort", Int(hostPort))
            writer.member("containerPort", Int(containerPort))
            writer.member("protocol", transport.rawValue)
            if !hostIP.isEmpty { writer.member("hostIP", hostIP) }
        }
    }
}

extension PodAttachment.DNS {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("servers", servers)
            writer.member("searches", searches)
            writer.member("options", options)
        }
    }
}
