import Foundation
import OCISpec
import Testing

@testable import CRISpec

@Suite struct CDIRegistryTests {
    /// Two directories for documents, the second of which takes precedence.
    final class Host {
        let path = "\(NSTemporaryDirectory())/apus-cdi-\(UUID().uuidString)"
        var registry: CDIRegistry {
            CDIRegistry(directories: [path + "/etc", path + "/missing", path + "/run"])
        }

        init() throws {
            for name in ["etc", "run"] {
                try FileManager.default.createDirectory(
                    atPath: "\(path)/\(name)", withIntermediateDirectories: true)
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        }

        func error(_ names: String...) throws -> CDIError {
            do throws(CDIError) {
                _ = try registry.edits(for: names)
            } catch {
                return error
            }
            throw NothingThrown()
        }
    }

    struct NothingThrown: Error {}

    static let full = """
        {"cdiVersion": "1.1.0", "kind": "vendor.com/net", "annotations": {"a": "b"},
         "containerEdits": {"env": ["COMMON=1"], "mounts": [{"hostPath": "/lib", "containerPath": "/usr/lib/v"}]},
         "devices": [
          {"name": "0", "containerEdits": {"env": ["ZERO=a=b"],
            "deviceNodes": [{"path": "/dev/null0", "hostPath": "/dev/null", "permissions": "rw", "uid": 5},
                            {"path": "/dev/made", "type": "b", "major": 7, "minor": 1, "fileMode": 432}]}},
          {"name": "all", "containerEdits": {
            "netDevices": [{"hostInterfaceName": "ens1", "name": "net1"}],
            "hooks": [{"hookName": "createContainer", "path": "/usr/bin/h", "args": ["h", "x"], "env": ["A=b"],
                       "timeout": 3}],
            "mounts": [{"hostPath": "tmpfs", "containerPath": "/scratch", "type": "tmpfs", "options": ["ro"]}],
            "additionalGids": [0, 44], "intelRdt": {"closID": "gold", "schemata": ["L3:0=f"], "enableMonitoring": true}}}]}
        """

    @Test("Edits of the document come once, before those of its first device, and nodes are looked up")
    func merge() throws {
        let host = try Host()
        try host.write(Self.full, "etc/net.json")
        let edits = try host.registry.edits(for: [
            "vendor.com/net=0", "vendor.com/net=all", "vendor.com/net=0",
        ])
        #expect(edits.env == ["COMMON=1", "ZERO=a=b"])
        #expect(edits.mounts.map(\.destination) == ["/usr/lib/v", "/scratch"])
        #expect(edits.mounts[1].type == "tmpfs" && edits.mounts[1].options == ["ro"])
        #expect(edits.additionalGids == [44])
        #expect(edits.intelRdt?.closID == "gold" && edits.intelRdt?.schemata == ["L3:0=f"])
        #expect(edits.intelRdt?.enableMonitoring == true)
        #expect(edits.netDevices == [NetDevice(hostName: "ens1", name: "net1")])
        #expect(edits.hooks.createContainer.map(\.path) == ["/usr/bin/h"])
        #expect(edits.hooks.createContainer[0].timeout == 3)
        #expect(edits.deviceNodes.count == 2)
        let (null, made) = (edits.deviceNodes[0], edits.deviceNodes[1])
        #expect(null.access == "rw" && made.access == "rwm")
        #expect(null.device.type == .c && null.device.major == 1 && null.device.minor == 3)
        #expect(null.device.fileMode == 0o666 && null.device.uid == 5 && null.device.gid == nil)
        // In full, though the host has no such thing.
        #expect(made.device.type == .b && made.device.major == 7 && made.device.fileMode == 432)
        #expect(try host.registry.edits(for: []) == ContainerEdits())
    }

    @Test("YAML says the same as JSON")
    func yaml() throws {
        let host = try Host()
        try host.write(Self.full.replacing("vendor.com/net", with: "json.com/net"), "etc/a.json")
        try host.write(
            """
            # JSON's twin
            cdiVersion: 1.1.0
            kind: vendor.com/net
            annotations: {a: b}
            containerEdits:
              env: [COMMON=1]
              mounts:
              - {hostPath: /lib, containerPath: /usr/lib/v}
            devices:
            - name: 0
              containerEdits:
                env: ["ZERO=a=b"]
                deviceNodes:
                - path: /dev/null0
                  hostPath: /dev/null
                  permissions: rw
                  uid: 5
                - {path: /dev/made, type: b, major: 0x7, minor: 1, fileMode: 0660, gid: ~}
            - name: "all"
              containerEdits:
                netDevices: [{hostInterfaceName: ens1, name: net1}]
                hooks:
                - hookName: createContainer
                  path: /usr/bin/h
                  args: [h, x]
                  env: [A=b]
                  timeout: 3
                mounts: [{hostPath: tmpfs, containerPath: /scratch, type: tmpfs, options: [ro]}]
                additionalGids: [0, 44]
                intelRdt: {closID: gold, schemata: ["L3:0=f"], enableMonitoring: true}
            """, "etc/b.yaml")
        let json = try host.registry.edits(for: ["json.com/net=0", "json.com/net=all"])
        #expect(try host.registry.edits(for: ["vendor.com/net=0", "vendor.com/net=all"]) == json)
    }

    private func document(_ device: String, _ value: String) -> String {
        """
        {"cdiVersion": "0.6.0", "kind": "v.com/c",
         "devices": [{"name": "\(device)", "containerEdits": {"env": ["V=\(value)"]}}]}
        """
    }

    @Test("A later directory takes precedence, and two of one are in conflict")
    func precedence() throws {
        let host = try Host()
        try host.write(document("d", "etc"), "etc/a.json")
        try host.write(document("other", "etc"), "etc/b.json")
        #expect(try host.registry.edits(for: ["v.com/c=d"]).env == ["V=etc"])
        try host.write(document("d", "again"), "etc/c.json")
        let error = try host.error("v.com/c=d")
        #expect(error.kind == .conflict)
        #expect(error.description.contains("etc/a.json and in ") && error.description.contains("etc/c.json"))
        // Nobody asked for the one in conflict.
        #expect(try host.registry.edits(for: ["v.com/c=other"]).env == ["V=etc"])
        try host.write(document("d", "run"), "run/a.json")
        #expect(try host.registry.edits(for: ["v.com/c=d"]).env == ["V=run"])
    }

    @Test("What cannot be had is named, with the documents that have faults")
    func notFound() throws {
        let host = try Host()
        try host.write(document("d", "x"), "etc/a.json")
        try host.write("{\"cdiVersion\": \"0.6.0\", \"kind\": 3}", "etc/bad.json")
        try host.write("devices: [", "run/bad.yaml")
        try host.write("text", "run/ignored.txt")
        let other = try host.error("v.com/c=e")
        #expect(other.kind == .notFound)
        #expect(other.description.contains("v.com/c=e") && other.description.contains("but d"))
        #expect(
            other.description.contains("etc/bad.json: /kind: ")
                && other.description.contains("run/bad.yaml: "))
        #expect(!other.description.contains("ignored"))
        #expect(try host.error("w.com/c=d").description.contains("no device of the kind w.com/c"))
        for text in [
            "", "d", "/dev/null", "v.com=d", "v.com/c", "v.com/c=", "1.com/c=d", "v.com/c=d!", "a/b/c=d",
        ] {
            let error = try host.error(text)
            #expect(error.kind == .invalid)
            #expect(error.description.contains("\"\(text)\""))
        }
    }

    @Test("A node that the host lacks, or has as something else, is refused")
    func nodes() throws {
        let host = try Host()
        func write(_ node: String) throws {
            try host.write(
                """
                {"cdiVersion": "0.6.0", "kind": "v.com/c",
                 "devices": [{"name": "d", "containerEdits": {"deviceNodes": [\(node)]}}]}
                """, "etc/a.json")
        }
        try write(#"{"path": "/dev/no-such-device"}"#)
        let missing = try host.error("v.com/c=d")
        #expect(missing.kind == .host)
        #expect(missing.description.contains("/dev/no-such-device") && missing.description.contains("ENOENT"))
        try write(#"{"path": "/dev/null", "type": "b"}"#)
        #expect(try host.error("v.com/c=d").description.contains("is of type c"))
        try write(#"{"path": "/dev/x", "hostPath": "/etc/passwd"}"#)
        #expect(try host.error("v.com/c=d").description.contains("not a device node"))
        try write(#"{"path": "/dev/x", "hostPath": "/dev/zero", "permissions": "none", "type": "u"}"#)
        let node = try host.registry.edits(for: ["v.com/c=d"]).deviceNodes[0]
        #expect(node.access == "" && node.device.type == .u && node.device.minor == 5)
    }

    @Test("Names come from the field and the annotations, each once")
    func requests() throws {
        let names = try CDIRegistry.devices(
            field: ["a.com/x=1", "a.com/x=2", "a.com/x=1"],
            annotations: [
                "cdi.k8s.io/z": "b.com/y=2", "cdi.k8s.io/a": "b.com/y=1,a.com/x=2", "other": "nonsense",
            ])
        #expect(names == ["a.com/x=1", "a.com/x=2", "b.com/y=1", "b.com/y=2"])
        for annotations in [["cdi.k8s.io/a": "b.com/y=1,"], ["cdi.k8s.io/a": "gpu"]] {
            #expect(throws: CDIError.self) { try CDIRegistry.devices(field: [], annotations: annotations) }
        }
        #expect(throws: CDIError.self) { try CDIRegistry.devices(field: ["gpu"], annotations: [:]) }
    }
}
