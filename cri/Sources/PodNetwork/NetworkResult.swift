import Diagnosis
import OCISpec

/// What attaching a pod came to (CNI spec, section 5, "ADD Success").
public struct NetworkResult: Sendable, Equatable {
    /// An interface that was made, be it on the host.
    public struct Interface: Sendable, Equatable {
        public var name = ""
        public var mac = ""
        /// In bytes; from 1.1.0 on.
        public var mtu: UInt64?
        /// The network namespace's path; empty on the host.
        public var sandbox = ""
        public var socketPath: String?
        public var pciID: String?
    }

    /// An address that was assigned.
    public struct Address: Sendable, Equatable {
        public var address: IPPrefix
        public var gateway: IPAddress?
        /// An index of ``NetworkResult/interfaces``; nil is the pod's own.
        public var interface: Int?
    }

    public struct Route: Sendable, Equatable {
        public var destination: IPPrefix
        public var gateway: IPAddress?
        /// From 1.1.0 on.
        public var mtu: UInt64?
        public var advmss: UInt64?
        public var priority: UInt64?
        public var table: UInt64?
        public var scope: UInt64?
    }

    /// What the network knows of name servers.
    public struct DNS: Sendable, Equatable {
        public var nameservers: [String] = []
        public var domain = ""
        public var search: [String] = []
        public var options: [String] = []
    }

    public var interfaces: [Interface] = []
    public var addresses: [Address] = []
    public var routes: [Route] = []
    public var dns = DNS()
    /// The name of the pod's interface.
    public var interface = "eth0"
    /// The version it was written in.
    var version: CNIVersion
    /// Whether it says so itself.
    var isVersioned = false

    /// The addresses of the pod's interface in the plugins' order, without prefix lengths: the first is the primary.
    public var ips: [String] {
        let own = ownInterfaces
        return addresses.filter { $0.interface.map(own.contains) ?? true }.map(\.address.address.description)
    }

    /// The hardware address of the pod's interface; empty if the plugins did not say.
    public var mac: String { ownInterfaces.first.map { interfaces[$0].mac } ?? "" }

    /// Where the pod's interface is in the list. One on the host may have the same name.
    private var ownInterfaces: [Int] {
        let named = interfaces.indices.filter { interfaces[$0].name == interface }
        let inside = named.filter { !interfaces[$0].sandbox.isEmpty }
        return inside.isEmpty ? named : inside
    }
}

extension NetworkResult {
    /// Larger results are not read.
    static let maximumSize = 1 << 20

    /// Decodes what a plugin wrote.
    ///
    /// - Parameter asked: the version that it was asked in, which a result without one has.
    init(_ bytes: [UInt8], asked: CNIVersion, interface: String) throws(Failure) {
        self.init(version: asked)
        self.interface = interface
        var reader = try JSONReader(bytes, limit: Self.maximumSize)
        var families: [(Int, String)] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "cniVersion":
                let text = try reader.string()
                if text.isEmpty { continue }
                guard let version = CNIVersion(rawValue: text) else {
                    throw reader.fail("version \"\(text)\" is not spoken, but \(CNIVersion.list)")
                }
                self.version = version
                isVersioned = true
            case "interfaces":
                try reader.beginArray()
                while try reader.nextElement() { interfaces.append(try Interface(from: &reader)) }
            case "ips":
                try reader.beginArray()
                while try reader.nextElement() {
                    var family: String?
                    addresses.append(try Address(from: &reader, family: &family))
                    if let family { families.append((addresses.count - 1, family)) }
                }
            case "routes":
                try reader.beginArray()
                while try reader.nextElement() { routes.append(try Route(from: &reader)) }
            case "dns": dns = try DNS(from: &reader)
            case "ip4", "ip6":
                throw reader.fail("results as before version 0.3.0 are not spoken, but \(CNIVersion.list)")
            default: break
            }
        }
        try reader.finish()
        for (index, address) in addresses.enumerated() {
            if let interface = address.interface, !interfaces.indices.contains(interface) {
                throw Failure(
                    at: Pointer("/ips").index(index).key("interface"),
                    "\(interface) is not an index of the \(interfaces.count) interfaces")
            }
        }
        if version.namesFamilies {
            for (index, family) in families
            where family != (addresses[index].address.address.isIPv6 ? "6" : "4") {
                throw Failure(
                    at: Pointer("/ips").index(index).key("version"),
                    "\"\(family)\" is not the family of \(addresses[index].address)")
            }
        }
    }

    /// Writes it in another version than it came in, for a plugin that is asked in that.
    func encode(as version: CNIVersion) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("cniVersion", version.rawValue)
            writer.key("interfaces")
            writer.array { writer in interfaces.forEach { $0.encode(to: &writer, version) } }
            writer.key("ips")
            writer.array { writer in addresses.forEach { $0.encode(to: &writer, version) } }
            writer.key("routes")
            writer.array { writer in routes.forEach { $0.encode(to: &writer, version) } }
            writer.key("dns")
            dns.encode(to: &writer)
        }
        return writer.bytes
    }
}
