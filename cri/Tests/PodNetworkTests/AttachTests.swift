import Foundation
import Testing

@testable import PodNetwork

@Suite struct AttachTests {
    @Test("ADD runs the plugins in order, each with the result of the one before")
    func chain() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        var attachment = host.attachment()
        attachment.portMappings = [
            .init(.udp, containerPort: 53, hostPort: 5353, hostIP: "127.0.0.1"),
            .init(containerPort: 80, hostPort: 0),
        ]
        attachment.dns = .init(servers: ["8.8.8.8"], searches: ["a.b"])
        attachment.cgroupPath = "/pods/pod1"
        attachment.mac = "c2:11:22:33:44:55"
        attachment.ips = ["10.1.0.5/16"]
        attachment.annotations = ["kubernetes.io/ingress-bandwidth": "10M", "a": "b"]
        let result = try await network.attach(attachment)

        #expect(host.calls == ["first.ADD", "second.ADD"])
        #expect(result.ips == ["10.1.0.5", "fd00::5"])
        #expect(result.mac == "02:00:00:00:00:02")
        #expect(result.dns.nameservers == ["10.1.0.1"])
        #expect(result.routes.map(\.destination.description) == ["0.0.0.0/0"])

        let environment = try host.environment("first.ADD")
        #expect(environment["CNI_COMMAND"] == "ADD")
        #expect(environment["CNI_CONTAINERID"] == "pod1")
        #expect(environment["CNI_NETNS"] == host.netns)
        #expect(environment["CNI_IFNAME"] == "eth0")
        #expect(environment["CNI_PATH"] == "/nowhere:\(host.binaries)")
        let arguments =
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=pod1;K8S_POD_UID=u-1"
        #expect(environment["CNI_ARGS"] == arguments)

        let first = try host.request("first.ADD")
        #expect(first["name"] as? String == "net")
        #expect(first["cniVersion"] as? String == "1.0.0")
        #expect(first["bridge"] as? String == "b0")
        #expect(first["none"] is NSNull)
        #expect(first["capabilities"] == nil)
        #expect(first["prevResult"] == nil)
        let runtime = try #require(first["runtimeConfig"] as? [String: Any])
        // Declared false: not given.
        #expect(Set(runtime.keys) == ["portMappings"])
        let mappings = try #require(runtime["portMappings"] as? [[String: Any]])
        #expect(mappings.count == 1)
        #expect(mappings[0]["hostPort"] as? Int == 5353)
        #expect(mappings[0]["protocol"] as? String == "udp")
        #expect(mappings[0]["hostIP"] as? String == "127.0.0.1")

        let second = try host.request("second.ADD")
        let previous = try #require(second["prevResult"] as? [String: Any])
        #expect((previous["ips"] as? [Any])?.count == 1)
        // What we do not know is handed on.
        #expect((previous["x-vendor"] as? [String: Bool])?["kept"] == true)
        let other = try #require(second["runtimeConfig"] as? [String: Any])
        #expect(
            Set(other.keys) == [
                "bandwidth", "cgroupPath", "io.kubernetes.cri.pod-annotations", "dns", "mac", "ips",
            ])
        #expect(
            (other["bandwidth"] as? [String: Int]) == [
                "ingressRate": 10_000_000, "ingressBurst": 2_147_483_647,
            ])
        #expect(try await network.result(pod: "pod1")?.ips == result.ips)
    }

    @Test("A result that could not be read again from its record is refused, and undone")
    func nesting() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        // One level is the result's own; 128 may be read.
        for (levels, isTaken) in [(126, true), (127, false)] {
            let deep = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
            let result = PluginDirectory.result("1.0.0", ["10.1.0.5/16"])
            let end = try #require(result.lastIndex(of: "}"))
            try host.answer("second", result[..<end] + ", \"x-deep\": \(deep)}")
            host.forgetCalls()
            if isTaken {
                #expect(try await network.attach(host.attachment()).ips == ["10.1.0.5"])
            } else {
                await #expect {
                    try await network.attach(host.attachment())
                } throws: { error in
                    "\(error)".contains("nested more than 128")
                }
            }
            try await network.detach(pod: "pod1")
            #expect(host.calls == ["first.ADD", "second.ADD", "second.DEL", "first.DEL"])
            #expect(try await network.result(pod: "pod1") == nil)
        }
    }

    @Test("A plugin has no descriptors but its three, and leads its process group")
    func isolation() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let answer = PluginDirectory.result("1.0.0", ["10.1.0.5/16"])
        // An open file without O_CLOEXEC, as a careless library has it.
        let file = try #require(fopen(host.path + "/log/leak", "w"))
        defer { fclose(file) }
        try host.on(
            "first", "ADD",
            "ls /proc/$$/fd > $here/../log/fds; cut -d' ' -f1,5 /proc/$$/stat > $here/../log/group\ncat <<'END'\n\(answer)\nEND"
        )
        _ = try await host.network().attach(host.attachment())
        let numbers = try host.read("log/fds").split(separator: "\n").compactMap { Int($0) }
        // A shell keeps its script open, from 10 on; what is between would be ours.
        #expect(numbers.filter { $0 < 10 } == [0, 1, 2])
        let ids = try host.read("log/group").split { $0 == " " || $0 == "\n" }
        #expect(ids.count == 2 && ids[0] == ids[1])
    }

    @Test("A failure in the middle is undone in reverse order, and leaves no record")
    func undo() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try host.on(
            "second", "ADD",
            #"echo 'deep trouble' >&2; echo '{"cniVersion": "1.0.0", "code": 11, "msg": "try again", "details": "busy"}'; exit 1"#
        )
        let network = host.network()
        let error = try await failure { () async throws(NetworkError) in
            _ = try await network.attach(host.attachment())
        }
        #expect(host.calls == ["first.ADD", "second.ADD", "second.DEL", "first.DEL"])
        #expect(error.kind == .plugin)
        #expect(
            error.refusal
                == PluginRefusal(
                    plugin: "second", command: .add, code: 11, message: "try again", details: "busy"))
        #expect(error.description.contains("try again (code 11): busy"))
        #expect(error.description.contains("deep trouble"))
        #expect(!host.exists("cache/network/pod1.json"))
        // What had been made was named to those who unmake it.
        let previous = try host.request("first.DEL")["prevResult"] as? [String: Any]
        #expect((previous?["ips"] as? [Any])?.count == 1)
        try host.answer("second", PluginDirectory.result("1.0.0", ["10.1.0.5/16"]))
        #expect(try await network.attach(host.attachment()).ips == ["10.1.0.5"])
    }

    @Test("What could not be undone stays on record, and goes with detach")
    func undoFails() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try host.on("second", "ADD", "exit 3")
        try host.on("first", "DEL", "echo no >&2; exit 4")
        let network = host.network()
        let error = try await failure { () async throws(NetworkError) in
            _ = try await network.attach(host.attachment())
        }
        #expect(error.description.contains("exit status 3"))
        #expect(error.description.contains("undoing it failed too"))
        #expect(error.description.contains("exit status 4"))
        #expect(host.exists("cache/network/pod1.json"))
        let again = try await failure { () async throws(NetworkError) in
            _ = try await network.attach(host.attachment())
        }
        #expect(again.kind == .invalid)
        try host.on("first", "DEL", "")
        try await network.detach(pod: "pod1")
        #expect(!host.exists("cache/network/pod1.json"))
    }

    @Test("A plugin that does not end is killed with what it started, and the others' work undone")
    func timeout() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try host.on("second", "ADD", "sleep 1000 & echo $! > $here/../log/sleeper; wait")
        let start = ContinuousClock.now
        let error = try await failure { () async throws(NetworkError) in
            _ = try await host.network(timeout: .seconds(4)).attach(host.attachment())
        }
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(error.kind == .timedOut)
        #expect(error.description.contains("within 4 s"))
        #expect(host.calls == ["first.ADD", "second.ADD", "second.DEL", "first.DEL"])
        let sleeper = try #require(Int32(try host.read("log/sleeper").split(separator: "\n")[0]))
        #expect(!isRunning(sleeper))
    }

    @Test("A caller that goes has its plugin killed, and all undone")
    func cancellation() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try host.on("second", "ADD", "sleep 1000 & echo $! > $here/../log/sleeper; wait")
        let network = host.network()
        let attachment = host.attachment()
        let task = Task { try await network.attach(attachment) }
        try await host.wait(for: "log/sleeper")
        task.cancel()
        do {
            _ = try await task.value
            Issue.record("it went through")
        } catch let error as NetworkError {
            #expect(error.kind == .cancelled)
        }
        #expect(host.calls == ["first.ADD", "second.ADD", "second.DEL", "first.DEL"])
        #expect(!host.exists("cache/network/pod1.json"))
    }

    @Test("A plugin that writes without end is stopped at 1 MiB")
    func flood() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try host.on("first", "ADD", "exec yes")
        let error = try await failure { () async throws(NetworkError) in
            _ = try await host.network().attach(host.attachment())
        }
        #expect(error.kind == .plugin)
        #expect(error.description.contains("more than 1 MiB"))
    }

    @Test(
        "What the plugins give without sense is refused and undone",
        arguments: [
            ("not json", "expected"), (#"{"cniVersion": "1.0.0", "ips": []}"#, "no address"),
            (#"{"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.1/8"}}"#, "0.2.0"),
            (#"{"ips": [{"address": "10.0.0.1"}]}"#, "/ips/0/address"),
            (#"{"ips": [{"address": "10.0.0.1/8", "interface": 3}]}"#, "/ips/0/interface"),
        ])
    func badResults(_ output: String, _ reason: String) async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try host.answer("second", output)
        let error = try await failure { () async throws(NetworkError) in
            _ = try await host.network().attach(host.attachment())
        }
        #expect(error.kind == .plugin)
        #expect(error.description.contains(reason), "\(error)")
        #expect(host.calls.suffix(2) == ["second.DEL", "first.DEL"])
        #expect(!host.exists("cache/network/pod1.json"))
    }

    @Test("Nothing is run for a request that is wrong")
    func badRequests() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        let network = host.network()
        var bad: [(PodAttachment, String)] = []
        func add(_ reason: String, _ change: (inout PodAttachment) -> Void) {
            var attachment = host.attachment()
            change(&attachment)
            bad.append((attachment, reason))
        }
        add("../x") { $0.id = "../x" }
        add("a;b") { $0.name = "a;b" }
        add("netns") { $0.netns = host.path }
        add("70000") { $0.portMappings = [.init(containerPort: 70000, hostPort: 1)] }
        add("x.y") { $0.portMappings = [.init(containerPort: 1, hostPort: 1, hostIP: "x.y")] }
        add("mac") { $0.mac = "zz:11:22:33:44:55" }
        add("1.2.3") { $0.ips = ["1.2.3"] }
        add("a-very-long-name") { $0.interface = "a-very-long-name" }
        add("kubernetes.io/egress-bandwidth") { $0.annotations = ["kubernetes.io/egress-bandwidth": "fast"] }
        add("out of range") { $0.annotations = ["kubernetes.io/egress-bandwidth": "1"] }
        for (attachment, reason) in bad {
            let error = try await failure { () async throws(NetworkError) in
                _ = try await network.attach(attachment)
            }
            #expect(error.kind == .invalid)
            #expect(error.description.contains(reason), "\(error)")
        }
        #expect(host.calls == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: host.path).contains("cache") == false)
    }

    @Test("A program that is missing is named before anything runs")
    func missingProgram() async throws {
        let host = try PluginDirectory()
        try host.installTwo()
        try FileManager.default.removeItem(atPath: host.binaries + "/second")
        let network = host.network()
        let error = try await failure { () async throws(NetworkError) in
            _ = try await network.attach(host.attachment())
        }
        #expect(error.kind == .notReady)
        #expect(error.description.contains("second"))
        #expect(error.description.contains(host.binaries))
        #expect(host.calls == [])
        let status = await network.status()
        #expect(!status.isReady && status.reason == "NetworkPluginNotReady")
        #expect(status.message.contains("second"))
    }

    @Test("Operations on one pod come one after the other, on several at once")
    func turns() async throws {
        let host = try PluginDirectory()
        try host.install("slow")
        try host.write(
            #"{"cniVersion": "1.0.0", "name": "net", "type": "slow"}"#, "net.d/1.conf")
        let answer = PluginDirectory.result("1.0.0", ["10.1.0.5/16"])
        try host.on(
            "slow", "ADD",
            "mkdir $here/../log/$CNI_CONTAINERID || exit 9; sleep 0.2; rmdir $here/../log/$CNI_CONTAINERID\ncat <<'END'\n\(answer)\nEND"
        )
        try host.on(
            "slow", "DEL",
            "mkdir $here/../log/$CNI_CONTAINERID || exit 9; sleep 0.1; rmdir $here/../log/$CNI_CONTAINERID")
        let network = host.network()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<6 {
                let attachment = host.attachment("pod\(index)")
                group.addTask {
                    async let adding = network.attach(attachment)
                    // By then it has its turn.
                    try await host.wait(for: "cache/network/\(attachment.id).json")
                    async let removing: Void = network.detach(pod: attachment.id)
                    async let removingAgain: Void = network.detach(pod: attachment.id)
                    _ = try await (adding, removing, removingAgain)
                }
            }
            try await group.waitForAll()
        }
        #expect(host.calls.filter { $0 == "slow.ADD" }.count == 6)
        #expect(host.calls.filter { $0 == "slow.DEL" }.count == 6)
        #expect(try FileManager.default.contentsOfDirectory(atPath: host.cache).isEmpty)
    }
}

/// Whether there is such a process that has not ended.
private func isRunning(_ pid: Int32) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return !status.contains(") Z ")
}
