import Foundation
import Testing

@testable import PodNetwork

@Suite struct DetachTests {
    @Test("DEL has the configuration and the result of ADD, though the directory has changed since")
    func changedConfiguration() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        var attachment = host.attachment()
        attachment.portMappings = [.init(containerPort: 80, hostPort: 8080)]
        _ = try await network.attach(attachment)
        try host.write(
            #"{"cniVersion": "1.0.0", "name": "other", "plugins": [{"type": "third"}]}"#,
            "net.d/10-net.conflist")
        try await network.detach(pod: "pod1")
        #expect(host.calls == ["first.ADD", "second.ADD", "second.DEL", "first.DEL"])
        let request = try host.request("first.DEL")
        #expect(request["name"] as? String == "net")
        #expect(request["bridge"] as? String == "b0")
        // The final result, for all of them.
        #expect(((request["prevResult"] as? [String: Any])?["ips"] as? [Any])?.count == 2)
        #expect((request["runtimeConfig"] as? [String: Any])?["portMappings"] != nil)
        let (add, del) = (try host.environment("first.ADD"), try host.environment("first.DEL"))
        for key in ["CNI_ARGS", "CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_PATH"] {
            #expect(add[key] == del[key])
        }
        #expect(!host.exists("cache/network/pod1.json"))
        try await network.detach(pod: "pod1")
        #expect(host.calls.count == 4)
    }

    @Test("A DEL that fails halts, keeps the record, and can be done again")
    func delFails() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        _ = try await network.attach(host.attachment())
        try host.on("second", "DEL", #"echo '{"code": 100, "msg": "not now"}'; exit 1"#)
        let error = try await failure { () async throws(NetworkError) in
            try await network.detach(pod: "pod1")
        }
        #expect(error.refusal?.code == 100)
        #expect(host.calls == ["first.ADD", "second.ADD", "second.DEL"])
        #expect(host.exists("cache/network/pod1.json"))
        try host.on("second", "DEL", "")
        try await network.detach(pod: "pod1")
        #expect(host.calls.suffix(2) == ["second.DEL", "first.DEL"])
        #expect(!host.exists("cache/network/pod1.json"))
    }

    @Test("A plugin that knows of no such container has nothing to delete")
    func unknownContainer() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        _ = try await network.attach(host.attachment())
        try host.on("second", "DEL", #"echo '{"code": 3, "msg": "unknown container"}'; exit 1"#)
        try await network.detach(pod: "pod1")
        #expect(host.calls.suffix(2) == ["second.DEL", "first.DEL"])
        #expect(!host.exists("cache/network/pod1.json"))
    }

    @Test("A namespace that is gone is not named")
    func namespaceGone() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        _ = try await network.attach(host.attachment())
        try FileManager.default.removeItem(atPath: host.netns)
        try host.write("", "netns")
        try await network.detach(pod: "pod1")
        #expect(try host.environment("first.DEL")["CNI_NETNS"] == "")
    }

    @Test(
        "The previous result is DEL's from version 0.4.0 on",
        arguments: [("0.3.0", false), ("0.3.1", false), ("0.4.0", true), ("1.1.0", true)])
    func previousResult(_ version: String, _ hasIt: Bool) async throws {
        let host = try PluginDirectory()
        try host.installTwo(version: version)
        let network = host.network()
        #expect(try await network.attach(host.attachment()).ips == ["10.1.0.5", "fd00::5"])
        try await network.detach(pod: "pod1")
        #expect((try host.request("first.DEL")["prevResult"] != nil) == hasIt)
    }

    @Test("A daemon killed in the middle of ADD has its successor undo it")
    func killed() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try host.on("second", "ADD", "touch $here/../log/stuck; sleep 1000")
        let network = host.network()
        let attachment = host.attachment()
        let task = Task { try await network.attach(attachment) }
        try await host.wait(for: "log/stuck")
        // What the disk has at this moment, and half of what the next writing would have left.
        let found = host.path + "/found"
        try FileManager.default.copyItem(atPath: host.cache, toPath: found)
        try host.write("{", "found/.pod1.json")
        let record = try host.read("found/pod1.json")
        #expect(record.contains("first") && !record.contains("\"result\""))
        task.cancel()
        _ = try? await task.value

        host.forgetCalls()
        try FileManager.default.removeItem(atPath: host.netns)
        let successor = host.network(cache: found)
        #expect(try await successor.leftovers(alive: []).isEmpty)
        #expect(host.calls == ["second.DEL", "first.DEL"])
        #expect(try host.environment("first.DEL")["CNI_CONTAINERID"] == "pod1")
        #expect(try host.request("first.DEL")["prevResult"] == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: found).isEmpty)
    }

    @Test("Leftovers go, those alive stay, and what fails is told")
    func leftovers() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        for index in 0..<7 { _ = try await network.attach(host.attachment("pod\(index)")) }
        try host.on("first", "DEL", "[ $CNI_CONTAINERID != pod3 ] || exit 5")
        host.forgetCalls()
        let left = try await host.network().leftovers(alive: ["pod0", "pod6", "unknown"])
        #expect(left.map(\.pod) == ["pod3"])
        #expect(left[0].error.description.contains("exit status 5"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: host.cache).sorted() == [
                "pod0.json", "pod3.json", "pod6.json",
            ])
        #expect(host.calls.count == 10)
    }

    @Test("A damaged record is detached as configured now")
    func damagedRecord() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        _ = try await network.attach(host.attachment())
        try host.write("", "cache/network/pod1.json")
        #expect(try await network.leftovers(alive: []).isEmpty)
        #expect(host.calls.suffix(2) == ["second.DEL", "first.DEL"])
        #expect(try host.environment("first.DEL")["CNI_NETNS"] == "")
        #expect(!host.exists("cache/network/pod1.json"))
    }

    @Test("GC names what still is attached, and is for 1.1.0 and up without disableGC")
    func garbage() async throws {
        for (version, extra, expected) in [
            ("1.1.0", "", ["first.GC", "second.GC"]), ("1.0.0", "", []),
            ("1.1.0", #""disableGC": true,"#, []),
        ] {
            let host = try PluginDirectory()
            try host.installTwo(version: version, extra: extra)
            let network = host.network()
            _ = try await network.attach(host.attachment("a"))
            _ = try await network.attach(host.attachment("b"))
            host.forgetCalls()
            _ = try await network.leftovers(alive: ["b"])
            #expect(host.calls.filter { $0.hasSuffix("GC") } == expected)
            if !expected.isEmpty {
                let valid = try host.request("second.GC")["cni.dev/valid-attachments"]
                #expect(valid as? [[String: String]] == [["containerID": "b", "ifname": "eth0"]])
                #expect(try host.request("second.GC")["runtimeConfig"] == nil)
            }
        }
    }

    @Test("CHECK has the result, and is not done where it cannot or must not be")
    func check() async throws {
        let host = try PluginDirectory()
        try host.installTwo(version: "0.4.0")
        let network = host.network()
        let early = try await failure { () async throws(NetworkError) in try await network.check(pod: "pod1")
        }
        #expect(early.kind == .invalid)
        _ = try await network.attach(host.attachment())
        try await network.check(pod: "pod1")
        #expect(host.calls.suffix(2) == ["first.CHECK", "second.CHECK"])
        #expect(try host.request("first.CHECK")["prevResult"] != nil)
        try host.on("first", "CHECK", "exit 1")
        let broken = try await failure { () async throws(NetworkError) in try await network.check(pod: "pod1")
        }
        #expect(broken.refusal?.command == .check)

        let old = try PluginDirectory()
        try old.installTwo(version: "0.3.1")
        _ = try await old.network().attach(old.attachment())
        let refused = try await failure { () async throws(NetworkError) in
            try await old.network().check(pod: "pod1")
        }
        #expect(refused.description.contains("0.3.1"))

        let disabled = try PluginDirectory()
        try disabled.installTwo(extra: #""disableCheck": "true","#)
        _ = try await disabled.network().attach(disabled.attachment())
        try await disabled.network().check(pod: "pod1")
        #expect(disabled.calls.count == 2)
    }
}
