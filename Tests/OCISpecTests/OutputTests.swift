import OCISpec
import Testing

@Suite struct OutputTests {
    private var state: State {
        State(
            ociVersion: "1.3.0", id: "c1", status: .running, pid: 1234, bundle: "/b", rootfs: "/b/rootfs",
            created: "2026-11-21T01:45:45.123456789Z", annotations: ["k": "v", "B": "<a/b>", "a": "é\u{1}\""])
    }

    @Test func stateAsPrinted() {
        #expect(
            state.json() == #"""
                {
                  "ociVersion": "1.3.0",
                  "id": "c1",
                  "pid": 1234,
                  "status": "running",
                  "bundle": "/b",
                  "rootfs": "/b/rootfs",
                  "created": "2026-11-21T01:45:45.123456789Z",
                  "annotations": {
                    "B": "\u003ca/b\u003e",
                    "a": "é\u0001\"",
                    "k": "v"
                  },
                  "owner": ""
                }
                """#)
    }

    @Test func stateForHooks() {
        var state = state
        state.annotations = ["k": "v"]
        #expect(
            state.hookJSON()
                == #"{"ociVersion":"1.3.0","id":"c1","status":"running","pid":1234,"bundle":"/b","annotations":{"k":"v"}}"#
        )
        state.annotations = [:]
        state.pid = 0
        state.status = .stopped
        #expect(state.hookJSON() == #"{"ociVersion":"1.3.0","id":"c1","status":"stopped","bundle":"/b"}"#)
        #expect(
            state.seccompListenerJSON(pid: 7, metadata: "m")
                == #"{"ociVersion":"1.3.0","fds":["seccompFd"],"pid":7,"metadata":"m","state":"#
                + state.hookJSON() + "}")
    }

    @Test func list() {
        var state = state
        state.annotations = [:]
        state.owner = "root"
        let one =
            #"{"ociVersion":"1.3.0","id":"c1","pid":1234,"status":"running","bundle":"/b","rootfs":"/b/rootfs","#
            + #""created":"2026-11-21T01:45:45.123456789Z","owner":"root"}"#
        #expect(State.listJSON([state, state]) == "[\(one),\(one)]\n")
        #expect(State.listJSON([]) == "null\n")
    }

    @Test func writer() {
        var writer = JSONWriter(indent: "\t")
        writer.object { writer in
            writer.key("empty")
            writer.array { _ in }
            writer.key("nothing")
            writer.object { _ in }
            writer.key("values")
            writer.array { writer in
                writer.null()
                writer.bool(false)
                writer.integer(Int64.min)
                writer.unsigned(.max)
                writer.string("\u{8}\u{c}\n\r\t\u{7f}&\u{2028}\\")
                writer.array { writer in writer.object { _ in } }
            }
            writer.member("after", 1)
        }
        #expect(
            writer.text == """
                {
                \t"empty": [],
                \t"nothing": {},
                \t"values": [
                \t\tnull,
                \t\tfalse,
                \t\t-9223372036854775808,
                \t\t18446744073709551615,
                \t\t"\\b\\f\\n\\r\\t\u{7f}\\u0026\\u2028\\\\",
                \t\t[
                \t\t\t{}
                \t\t]
                \t],
                \t"after": 1
                }
                """)
    }

    /// The fixtures are what `runc spec` and `runc spec --rootless` wrote as root with cgroup v1.
    @Test func template() throws {
        let expected = try Fixtures.text("good/spec-default.json")
        #expect(Config.template(rootless: nil, cgroup2: false) == expected)
        let rootless = try Fixtures.text("good/spec-rootless.json")
        #expect(Config.template(rootless: Config.Owner(uid: 0, gid: 0), cgroup2: false) == rootless)
        let own = Config.template(rootless: Config.Owner(uid: 1000, gid: 1001), cgroup2: true)
        let config = try Config.decode(Array(own.utf8))
        try config.validate()
        #expect(config.linux?.namespaces.map(\.type) == [.pid, .ipc, .uts, .mount, .cgroup, .user])
        #expect(config.linux?.uidMappings == [IDMapping(containerID: 0, hostID: 1000, size: 1)])
        #expect(config.linux?.gidMappings == [IDMapping(containerID: 0, hostID: 1001, size: 1)])
        let unified = Config.template(rootless: nil, cgroup2: true)
        #expect(try Config.decode(Array(unified.utf8)).linux?.namespaces.last?.type == .cgroup)
    }

    @Test func features() {
        var features = Features(ociVersionMin: "1.0.0", ociVersionMax: "1.3.0")
        #expect(
            features.json() == "{\n    \"ociVersionMin\": \"1.0.0\",\n    \"ociVersionMax\": \"1.3.0\"\n}\n")
        features.hooks = ["prestart"]
        features.mountOptions = ["ro"]
        features.annotations = ["b": "2", "a": "1"]
        features.potentiallyUnsafeConfigAnnotations = ["bundle"]
        var linux = Features.Linux()
        linux.namespaces = ["pid"]
        linux.capabilities = ["CAP_CHOWN"]
        var cgroup = Features.Cgroup()
        (cgroup.v1, cgroup.v2, cgroup.systemd, cgroup.systemdUser, cgroup.rdma) = (
            true, true, true, true, false
        )
        linux.cgroup = cgroup
        var seccomp = Features.Seccomp()
        seccomp.enabled = true
        (seccomp.actions, seccomp.operators, seccomp.archs) = (["A"], ["O"], ["R"])
        (seccomp.knownFlags, seccomp.supportedFlags) = (["K"], [])
        linux.seccomp = seccomp
        (linux.apparmorEnabled, linux.selinuxEnabled) = (true, true)
        var rdt = Features.IntelRdt()
        (rdt.enabled, rdt.schemata, rdt.monitoring) = (true, true, true)
        linux.intelRdt = rdt
        var policy = Features.MemoryPolicy()
        (policy.modes, policy.flags) = (["M"], ["F"])
        linux.memoryPolicy = policy
        (linux.idmapMountsEnabled, linux.netDevicesEnabled) = (true, true)
        features.linux = linux
        let line = features.json().split(separator: "\n").map { $0.drop { $0 == " " } }.joined()
            .split(separator: ": ").joined(separator: ":")
        #expect(
            line
                == #"{"ociVersionMin":"1.0.0","ociVersionMax":"1.3.0","hooks":["prestart"],"mountOptions":["ro"],"linux":{"#
                + #""namespaces":["pid"],"capabilities":["CAP_CHOWN"],"#
                + #""cgroup":{"v1":true,"v2":true,"systemd":true,"systemdUser":true,"rdma":false},"#
                + #""seccomp":{"enabled":true,"actions":["A"],"operators":["O"],"archs":["R"],"knownFlags":["K"],"supportedFlags":[]},"#
                + #""apparmor":{"enabled":true},"selinux":{"enabled":true},"#
                + #""intelRdt":{"enabled":true,"schemata":true,"monitoring":true},"#
                + #""memoryPolicy":{"modes":["M"],"flags":["F"]},"mountExtensions":{"idmap":{"enabled":true}},"#
                + #""netDevices":{"enabled":true}},"annotations":{"a":"1","b":"2"},"#
                + #""potentiallyUnsafeConfigAnnotations":["bundle"]}"#)
    }
}
