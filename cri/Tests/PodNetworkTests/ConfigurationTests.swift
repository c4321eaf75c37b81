import Foundation
import Testing

@testable import PodNetwork

@Suite struct ConfigurationTests {
    private func read(_ host: PluginDirectory, _ pinned: String? = nil) -> ConfigurationDirectory.Reading {
        var directory = ConfigurationDirectory(path: host.configurations, pinned: pinned)
        return directory.read().reading
    }

    private func list(_ name: String, _ type: String = "bridge") -> String {
        #"{"cniVersion": "1.0.0", "name": "\#(name)", "plugins": [{"type": "\#(type)"}]}"#
    }

    @Test("The first valid file in the order of the names is used, or that of the pinned name")
    func order() throws {
        let host = try PluginDirectory()
        #expect(read(host).list == nil)
        #expect(read(host).reason.contains(host.configurations))
        try host.write(list("later"), "net.d/20.conflist")
        try host.write("{", "net.d/10-broken.conflist")
        try host.write(list("hidden"), "net.d/05.conflist.bak")
        try host.write(
            #"{"cniVersion": "0.4.0", "name": "single", "type": "ptp", "mtu": 9000}"#, "net.d/15.conf")
        let reading = read(host)
        #expect(reading.list?.name == "single")
        #expect(reading.list?.version == .v040)
        #expect(reading.list?.plugins.map(\.type) == ["ptp"])
        #expect(reading.file == host.configurations + "/15.conf")
        #expect(reading.refused.count == 1 && reading.refused[0].contains("10-broken.conflist"))
        #expect(read(host, "later").list?.name == "later")
        let other = read(host, "another")
        #expect(other.list == nil && other.reason.contains("10-broken.conflist"))
        try FileManager.default.removeItem(atPath: host.configurations + "/10-broken.conflist")
        #expect(read(host, "another").reason.contains("no network is named another"))
    }

    @Test("A change is seen at the next use, be it in place")
    func change() async throws {
        let host = try PluginDirectory()
        var directory = ConfigurationDirectory(path: host.configurations, pinned: nil)
        #expect(directory.read().reading.list == nil)
        for index in 0..<20 {
            // The same size each time, and quicker than the clock of a file system.
            try host.write(list("n\(index % 10)"), "net.d/1.conflist")
            #expect(directory.read().reading.list?.name == "n\(index % 10)")
        }
        try await Task.sleep(for: .milliseconds(100))
        _ = directory.read()
        #expect(directory.read().isNew == false)
        let handle = try #require(FileHandle(forWritingAtPath: host.configurations + "/1.conflist"))
        try handle.write(contentsOf: Data(list("n0").utf8))
        try handle.close()
        #expect(directory.read().reading.list?.name == "n0")
        try FileManager.default.removeItem(atPath: host.configurations)
        #expect(directory.read().reading.reason.contains("ENOENT"))
    }

    @Test("Plugins of a directory named as the network come after the inlined ones")
    func aggregation() async throws {
        let host = try PluginDirectory()
        try host.write(list("net"), "net.d/1.conflist")
        try FileManager.default.createDirectory(
            atPath: host.configurations + "/net", withIntermediateDirectories: false)
        try host.write(#"{"type": "tuning"}"#, "net.d/net/2.conf")
        try host.write(#"{"type": "sbr"}"#, "net.d/net/1.conf")
        try host.write(#"{"type": "ignored"}"#, "net.d/net/0.json")
        #expect(read(host).list?.plugins.map(\.type) == ["bridge", "sbr", "tuning"])
        var directory = ConfigurationDirectory(path: host.configurations, pinned: nil)
        try await Task.sleep(for: .milliseconds(100))
        _ = directory.read()
        try host.write(#"{"type": "changed"}"#, "net.d/net/1.conf")
        #expect(directory.read().reading.list?.plugins.map(\.type) == ["bridge", "changed", "tuning"])
        try host.write(
            #"{"cniVersion": "1.1.0", "name": "net", "loadOnlyInlinedPlugins": true, "plugins": [{"type": "a"}]}"#,
            "net.d/1.conflist")
        #expect(directory.read().reading.list?.plugins.map(\.type) == ["a"])
        try host.write(#"{"cniVersion": "1.1.0", "name": "net"}"#, "net.d/1.conflist")
        #expect(directory.read().reading.list?.plugins.map(\.type) == ["changed", "tuning"])
        try host.write(#"{"cniVersion": "1.1.0", "name": "empty"}"#, "net.d/1.conflist")
        #expect(directory.read().reading.reason.contains("/plugins"))
    }

    @Test(
        "What is wrong is named by file and pointer",
        arguments: [
            (#"{"name": "n", "plugins": [{"type": "a"}]}"#, "/cniVersion"),
            (#"{"cniVersion": "0.2.0", "name": "n", "plugins": [{"type": "a"}]}"#, "/cniVersion"),
            (#"{"cniVersion": "1.x", "name": "n", "plugins": [{"type": "a"}]}"#, "/cniVersion"),
            (
                #"{"cniVersions": ["1.0.0", "one"], "name": "n", "plugins": [{"type": "a"}]}"#,
                "/cniVersions/1"
            ),
            (#"{"cniVersion": "1.0.0", "plugins": [{"type": "a"}]}"#, "/name"),
            (#"{"cniVersion": "1.0.0", "name": "a/b", "plugins": [{"type": "a"}]}"#, "/name"),
            (#"{"cniVersion": "1.0.0", "name": "n", "plugins": []}"#, "/plugins"),
            (
                #"{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "a"}, {"b": 1}]}"#,
                "/plugins/1/type"
            ),
            (#"{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "../sh"}]}"#, "/plugins/0/type"),
            (
                #"{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "a", "capabilities": {"dns": 1}}]}"#,
                "/plugins/0/capabilities/dns"
            ),
            (
                #"{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "a", "prevResult": {}}]}"#,
                "/plugins/0/prevResult"
            ),
            (
                #"{"cniVersion": "1.0.0", "name": "n", "disableCheck": "maybe", "plugins": [{"type": "a"}]}"#,
                "/disableCheck"
            ),
            (#"{"cniVersion": "1.0.0", "name": "n", "loadOnlyInlinedPlugins": true}"#, "/plugins"),
            (#"{"cniVersion": "1.0.0", "name": "n", "type": "bridge"}"#, "/type"),
        ])
    func refusals(_ text: String, _ pointer: String) throws {
        let host = try PluginDirectory()
        try host.write(text, "net.d/1.conflist")
        let reading = read(host)
        #expect(reading.list == nil)
        #expect(
            reading.reason.contains("\(host.configurations)/1.conflist: \(pointer): "), "\(reading.reason)")
    }

    @Test("Of several versions the highest that is spoken is chosen")
    func versions() throws {
        let both =
            #"{"cniVersion": "0.4.0", "cniVersions": ["9.9.9", "1.0.0", "0.3.1"], "name": "n", "plugins": [{"type": "a"}]}"#
        #expect(try NetworkList(list: Array(both.utf8)).version == .v100)
        let only = #"{"cniVersions": ["1.1.0"], "name": "n", "plugins": [{"type": "a"}]}"#
        #expect(try NetworkList(list: Array(only.utf8)).version == .v110)
    }

    @Test("STATUS is asked from 1.1.0 on, and not at each call")
    func status() async throws {
        let host = try PluginDirectory()
        try host.installTwo(version: "1.1.0")
        let network = host.network()
        #expect(await network.status().isReady)
        #expect(await network.status().isReady)
        #expect(host.calls == ["first.STATUS", "second.STATUS"])
        try host.on("second", "STATUS", #"echo '{"code": 50, "msg": "no daemon"}'; exit 1"#)
        let status = await host.network().status()
        #expect(!status.isReady && status.reason == "NetworkPluginNotReady")
        #expect(status.message.contains("no daemon (code 50)"))

        let old = try PluginDirectory()
        try old.installTwo(version: "1.0.0")
        #expect(await old.network().status().isReady)
        #expect(old.calls == [])
        let none = try PluginDirectory()
        #expect(await none.network().status().message.contains("no network configuration"))
    }
}
