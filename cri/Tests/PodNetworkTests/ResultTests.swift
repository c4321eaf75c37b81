import Testing

@testable import PodNetwork

@Suite struct ResultTests {
    private func decode(_ text: String, _ version: CNIVersion = .v100) throws -> NetworkResult {
        try NetworkResult(Array(text.utf8), asked: version, interface: "eth0")
    }

    @Test("Only the pod's own addresses are its addresses")
    func ownAddresses() throws {
        let result = try decode(
            """
            {"interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:09"},
              {"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/ns", "mtu": 1400, "pciID": "0000:01:00.0"},
              {"name": "eth1", "sandbox": "/ns"}],
             "ips": [{"address": "192.0.2.1/24", "interface": 0}, {"address": "2001:DB8:0::7/64", "interface": 1},
              {"address": "10.0.0.2/8"}, {"address": "10.9.0.2/8", "interface": 2}],
             "routes": [{"dst": "10.0.0.0/8", "mtu": 1300, "table": 7, "scope": 253, "priority": 1, "advmss": 9}]}
            """, .v110)
        #expect(result.ips == ["2001:db8::7", "10.0.0.2"])
        #expect(result.mac == "02:00:00:00:00:01")
        #expect(result.interfaces[1].mtu == 1400)
        #expect(result.interfaces[1].pciID == "0000:01:00.0")
        #expect(result.routes[0].table == 7)
        // Through another version and back: what the older has no word for is gone, and nothing else.
        let old = try decode(String(decoding: result.encode(as: .v031), as: UTF8.self))
        #expect(old.version == .v031)
        #expect(old.addresses == result.addresses)
        #expect(old.interfaces[1].mtu == nil && old.routes[0].table == nil)
        let new = try decode(String(decoding: result.encode(as: .v110), as: UTF8.self))
        #expect(new.interfaces == result.interfaces && new.routes == result.routes)
    }

    @Test("Before 1.0.0 an address says of which family it is, and has to be right")
    func families() throws {
        let text = #"{"cniVersion": "0.4.0", "ips": [{"version": "6", "address": "10.0.0.2/8"}]}"#
        #expect(throws: (any Error).self) { try decode(text) }
        #expect(try decode(text.replacing("0.4.0", with: "1.0.0")).ips == ["10.0.0.2"])
        #expect(try decode(text.replacing("\"6\"", with: "\"4\"")).ips == ["10.0.0.2"])
    }

    @Test(
        "Quantities of Kubernetes",
        arguments: [
            ("10M", 10_000_000), ("1.5k", 1500), ("1Gi", 1 << 30), ("100", 100), ("1e3", 1000),
            ("2E", 2_000_000_000_000_000_000),
            ("1500m", 2), ("1.0001", 2), ("12e-1", 2), ("", nil), ("M", nil), ("-1", nil), ("1.2.3", nil),
            ("1 M", nil),
            ("1Q", nil), ("99999999999999999999", nil), ("100E", nil),
        ] as [(String, UInt64?)])
    func quantities(_ text: String, _ value: UInt64?) {
        #expect(Bandwidth.quantity(text) == value)
    }

    @Test("Addresses and prefixes")
    func addresses() {
        #expect(IPPrefix("10.0.0.1/33") == nil)
        #expect(IPPrefix("10.0.0.1/+8") == nil)
        #expect(IPPrefix("10.0.0.1") == nil)
        #expect(IPPrefix("::1/128")?.length == 128)
        #expect(IPAddress("10.0.0.1\0") == nil)
        #expect(IPAddress("2001:DB8:0:0:1:0:0:1")?.description == "2001:db8::1:0:0:1")
    }

    @Test("A record comes back as it was written")
    func record() throws {
        let list =
            #"{"cniVersion": "1.1.0", "name": "n", "disableGC": true, "plugins": [{"type": "a", "x": [1, null], "capabilities": {"dns": true}}]}"#
        var record = AttachmentRecord(
            pod: "p", netns: "/ns", interface: "net0", arguments: "A=b",
            capabilities: [.init(key: "dns", json: Array("{}".utf8))],
            list: try NetworkList(list: Array(list.utf8)))
        record.list.loadOnlyInlinedPlugins = true
        #expect(try AttachmentRecord(json: record.json) == record)
        record.result = Array(#"{"ips": []}"#.utf8)
        #expect(try AttachmentRecord(json: record.json) == record)
        #expect(throws: (any Error).self) { try AttachmentRecord(json: Array(record.json.dropLast(3))) }
    }
}

@Suite struct StrayPluginTests {
    @Test("A plugin is known by the record that it was started for")
    func environments() {
        func isPlugin(_ entries: String...) -> Bool {
            StrayPlugins.isPlugin(Array(entries.joined(separator: "\0").utf8), of: ["/c/pod1.json"])
        }
        #expect(isPlugin("A=b", "CNI_COMMAND=ADD", "APUS_NETWORK_RECORD=/c/pod1.json", ""))
        #expect(!isPlugin("APUS_NETWORK_RECORD=/c/pod12.json"))
        #expect(!isPlugin("APUS_NETWORK_RECORD=/d/pod1.json"))
        #expect(!isPlugin("X=APUS_NETWORK_RECORD=/c/pod1.json"))
        #expect(!isPlugin())
    }
}
