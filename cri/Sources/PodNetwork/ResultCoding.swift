import Diagnosis
import OCISpec

extension NetworkResult.Interface {
    init(from reader: inout JSONReader) throws(Failure) {
        self.init()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "name": name = try reader.string()
            case "mac": mac = try reader.string()
            case "mtu": mtu = try reader.uint64()
            case "sandbox": sandbox = try reader.string()
            case "socketPath": socketPath = try reader.nonEmptyString()
            case "pciID": pciID = try reader.nonEmptyString()
            default: break
            }
        }
    }

    func encode(to writer: inout JSONWriter, _ version: CNIVersion) {
        writer.object { writer in
            writer.member("name", name)
            if !mac.isEmpty { writer.member("mac", mac) }
            if !sandbox.isEmpty { writer.member("sandbox", sandbox) }
            guard version >= .v110 else { return }
            if let mtu { writer.member("mtu", mtu) }
            if let socketPath { writer.member("socketPath", socketPath) }
            if let pciID { writer.member("pciID", pciID) }
        }
    }
}

extension NetworkResult.Address {
    /// - Parameter family: `4` or `6`, as versions before 1.0.0 have it.
    init(from reader: inout JSONReader, family: inout String?) throws(Failure) {
        var address: IPPrefix?
        var gateway: IPAddress?
        var interface: Int?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "address": address = try reader.prefix()
            case "gateway": gateway = try reader.address()
            case "interface": interface = try reader.int()
            case "version": family = try reader.string()
            default: break
            }
        }
        guard let address else { throw reader.missing("address") }
        self.init(address: address, gateway: gateway, interface: interface)
    }

    func encode(to writer: inout JSONWriter, _ version: CNIVersion) {
        writer.object { writer in
            if version.namesFamilies { writer.member("version", address.address.isIPv6 ? "6" : "4") }
            writer.member("address", address.description)
            if let gateway { writer.member("gateway", gateway.description) }
            if let interface { writer.member("interface", interface) }
        }
    }
}

extension NetworkResult.Route {
    init(from reader: inout JSONReader) throws(Failure) {
        var destination: IPPrefix?
        var gateway: IPAddress?
        var numbers: [String: UInt64] = [:]
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "dst": destination = try reader.prefix()
            case "gw": gateway = try reader.address()
            case "mtu", "advmss", "priority", "table", "scope": numbers[key] = try reader.uint64()
            default: break
            }
        }
        guard let destination else { throw reader.missing("dst") }
        self.init(
            destination: destination, gateway: gateway, mtu: numbers["mtu"], advmss: numbers["advmss"],
            priority: numbers["priority"], table: numbers["table"], scope: numbers["scope"])
    }

    func encode(to writer: inout JSONWriter, _ version: CNIVersion) {
        writer.object { writer in
            writer.member("dst", destination.description)
            if let gateway { writer.member("gw", gateway.description) }
            guard version >= .v110 else { return }
            if let mtu { writer.member("mtu", mtu) }
            if let advmss { writer.member("advmss", advmss) }
            if let priority { writer.member("priority", priority) }
            if let table { writer.member("table", table) }
            if let scope { writer.member("scope", scope) }
        }
    }
}

extension NetworkResult.DNS {
    init(from reader: inout JSONReader) throws(Failure) {
        self.init()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "nameservers": nameservers = try reader.strings()
            case "domain": domain = try reader.string()
            case "search": search = try reader.strings()
            case "options": options = try reader.strings()
            default: break
            }
        }
    }

    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            if !nameservers.isEmpty { writer.member("nameservers", nameservers) }
            if !domain.isEmpty { writer.member("domain", domain) }
            if !search.isEmpty { writer.member("search", search) }
            if !options.isEmpty { writer.member("options", options) }
        }
    }
}

extension JSONReader {
    fileprivate mutating func prefix() throws(Failure) -> IPPrefix {
        let text = try string()
        guard let prefix = IPPrefix(text) else {
            throw fail("\"\(text)\" is not an address with the length of a prefix, such as 10.1.0.5/16")
        }
        return prefix
    }

    /// An empty one is none, as Go writes it.
    fileprivate mutating func address() throws(Failure) -> IPAddress? {
        let text = try string()
        if text.isEmpty { return nil }
        guard let address = IPAddress(text) else { throw fail("\"\(text)\" is not an IP address") }
        return address
    }
}
