import CRIProto
import Diagnosis
import Foundation
import Testing

@testable import CRIServer

@Suite struct PodFilesTests {
    /// A pod's directory, and a host of the test's.
    final class Place {
        let path = "\(NSTemporaryDirectory())/apus-pod-files-\(UUID().uuidString)"
        var files: PodFiles { PodFiles(directory: path + "/pod", root: path + "/host") }

        init() throws {
            for name in ["pod", "host/etc", "host/run/systemd/resolve"] {
                try FileManager.default.createDirectory(
                    atPath: "\(path)/\(name)", withIntermediateDirectories: true)
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        }

        func read(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(path)/pod/\(name)")), as: UTF8.self)
        }
    }

    private func config(
        _ servers: [String] = [], searches: [String] = [], options: [String] = []
    ) -> Runtime_V1_DNSConfig {
        var config = Runtime_V1_DNSConfig()
        config.servers = servers
        config.searches = searches
        config.options = options
        return config
    }

    @Test("What the request says is written, and nothing of the host's")
    func request() throws {
        let place = try Place()
        try place.write("nameserver 9.9.9.9\n", "host/etc/resolv.conf")
        let dns = config(
            ["10.0.0.10", "fe80::1%eth0"], searches: ["a.b", "."], options: ["ndots:5", "edns0"])
        try place.files.write(name: "web-0", dns: dns, usesHostNetwork: false)
        #expect(
            try place.read("resolv.conf")
                == "search a.b .\nnameserver 10.0.0.10\nnameserver fe80::1%eth0\noptions ndots:5 edns0\n")
        #expect(try place.read("hostname") == "web-0\n")
        let mode = try FileManager.default.attributesOfItem(atPath: place.files.resolver)[.posixPermissions]
        #expect(mode as? Int == 0o644)
        try place.files.write(name: "web-0", dns: config(searches: ["c"]), usesHostNetwork: false)
        #expect(try place.read("resolv.conf") == "search c\n")
    }

    @Test(
        "Without a word of the request it is the host's, behind systemd-resolved's stub where that is out of reach"
    )
    func host() throws {
        let place = try Place()
        func written(usesHostNetwork: Bool) throws -> String {
            try place.files.write(name: "p", dns: config(), usesHostNetwork: usesHostNetwork)
            return try place.read("resolv.conf")
        }
        #expect(try written(usesHostNetwork: false) == "")
        let stub = "# made by systemd\nnameserver 127.0.0.53\noptions edns0\n"
        try place.write(stub, "host/etc/resolv.conf")
        #expect(try written(usesHostNetwork: false) == stub)
        let upstream = "nameserver 192.0.2.1\nsearch lan\n"
        try place.write(upstream, "host/run/systemd/resolve/resolv.conf")
        #expect(try written(usesHostNetwork: false) == upstream)
        #expect(try written(usesHostNetwork: true) == stub)
        let mixed = "nameserver 127.0.0.53\nnameserver 192.0.2.2\n"
        try place.write(mixed, "host/etc/resolv.conf")
        #expect(try written(usesHostNetwork: false) == mixed)
        try place.files.write(name: "p", dns: nil, usesHostNetwork: false)
        #expect(try place.read("resolv.conf") == mixed)
    }

    @Test("What resolv.conf cannot say is refused by its pointer, and nothing written")
    func refusals() throws {
        let place = try Place()
        let cases: [(Runtime_V1_DNSConfig, String)] = [
            (config(["dns.example"]), "/config/dns_config/servers/0"),
            (config(["1.1.1.1\nnameserver 2.2.2.2"]), "/config/dns_config/servers/0"),
            (config(["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"]), "/config/dns_config/servers"),
            (config(searches: ["a", "b c"]), "/config/dns_config/searches/1"),
            (config(searches: Array(repeating: "a", count: 33)), "/config/dns_config/searches"),
            (
                config(searches: Array(repeating: String(repeating: "a", count: 250), count: 9)),
                "/config/dns_config/searches"
            ),
            (config(options: [""]), "/config/dns_config/options/0"),
        ]
        for (dns, pointer) in cases {
            do throws(Failure) {
                try place.files.write(name: "p", dns: dns, usesHostNetwork: false)
                Issue.record("\(pointer) was accepted")
            } catch {
                #expect(error.origin == .config(Pointer(pointer)))
            }
        }
        for name in ["a b", "a\nb", String(repeating: "a", count: 65)] {
            #expect(throws: Failure.self) {
                try place.files.write(name: name, dns: nil, usesHostNetwork: false)
            }
            #expect(throws: Failure.self) {
                try place.files.writeHosts(name: name, addresses: [], usesHostNetwork: false)
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.path + "/pod").isEmpty)
    }

    @Test("The hosts file has the pod's addresses, or is the host's")
    func hosts() throws {
        let place = try Place()
        try place.write("192.0.2.9\tsomebody\n", "host/etc/hosts")
        try place.files.writeHosts(name: "web-0", addresses: ["10.1.0.5", "fd00::5"], usesHostNetwork: false)
        let text = try place.read("hosts")
        #expect(text.hasPrefix("127.0.0.1\tlocalhost\n::1\tlocalhost "))
        #expect(text.hasSuffix("\n10.1.0.5\tweb-0\nfd00::5\tweb-0\n"))
        #expect(!text.contains("somebody"))
        try place.files.writeHosts(name: "node", addresses: [], usesHostNetwork: true)
        #expect(try place.read("hosts") == "192.0.2.9\tsomebody\n")
    }
}
