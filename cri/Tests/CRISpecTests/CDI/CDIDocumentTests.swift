import Diagnosis
import OCISpec
import Testing

@testable import CRISpec

@Suite struct CDIDocumentTests {
    private static func document(_ edits: String, version: String = "1.1.0") -> String {
        """
        {"cdiVersion": "\(version)", "kind": "v.com/c",
         "devices": [{"name": "d", "containerEdits": \(edits)}]}
        """
    }

    private func failure(_ text: String) throws -> Failure? {
        do throws(Failure) {
            _ = try CDIDocument(json: Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "What is wrong is named by its pointer",
        arguments: [
            (
                #"{"kind": "v.com/c", "devices": [{"name": "d", "containerEdits": {"env": ["A=b"]}}]}"#,
                "/cdiVersion"
            ),
            (#"{"cdiVersion": "0.9.0", "kind": "v.com/c"}"#, "/cdiVersion"),
            (#"{"cdiVersion": "0.5.0", "kind": "vendor", "devices": []}"#, "/kind"),
            (#"{"cdiVersion": "0.5.0", "kind": "v.com/c", "devices": []}"#, "/devices"),
            (#"{"cdiVersion": "0.5.0", "kind": "v.com/c", "containerRuntime": []}"#, "/containerRuntime"),
            (
                #"{"cdiVersion": "0.5.0", "kind": "v.com/c", "devices": [{"name": "d"}]}"#,
                "/devices/0/containerEdits"
            ),
            (#"{"cdiVersion": "0.5.0", "kind": "v.com/c", "devices": [{"name": "-"}]}"#, "/devices/0/name"),
        ])
    func heads(_ text: String, _ pointer: String) throws {
        #expect(try failure(text)?.description.hasPrefix(pointer + ": ") == true)
    }

    @Test(
        "Edits that are wrong are named by their pointers",
        arguments: [
            ("{}", ""), (#"{"env": ["A"]}"#, "/env/0"), (#"{"env": ["=a"]}"#, "/env/0"),
            (#"{"devices": []}"#, "/devices"), (#"{"deviceNodes": [{}]}"#, "/deviceNodes/0/path"),
            (#"{"deviceNodes": [{"path": "null"}]}"#, "/deviceNodes/0/path"),
            (#"{"deviceNodes": [{"path": "/dev/a", "type": "d"}]}"#, "/deviceNodes/0/type"),
            (#"{"deviceNodes": [{"path": "/dev/a", "permissions": "rx"}]}"#, "/deviceNodes/0/permissions"),
            (#"{"deviceNodes": [{"path": "/dev/a", "major": -1}]}"#, "/deviceNodes/0/major"),
            (#"{"deviceNodes": [{"path": "/dev/a", "fileMode": 40000}]}"#, "/deviceNodes/0/fileMode"),
            (#"{"mounts": [{"hostPath": "/a"}]}"#, "/mounts/0/containerPath"),
            (#"{"mounts": [{"hostPath": "", "containerPath": "/a"}]}"#, "/mounts/0/hostPath"),
            (#"{"mounts": [{"hostPath": "/a", "containerPath": "b"}]}"#, "/mounts/0/containerPath"),
            (#"{"hooks": [{"hookName": "later", "path": "/a"}]}"#, "/hooks/0/hookName"),
            (#"{"hooks": [{"hookName": "poststop", "path": "a"}]}"#, "/hooks/0/path"),
            (#"{"hooks": [{"hookName": "poststop", "path": "/a", "timeout": 0}]}"#, "/hooks/0/timeout"),
            (#"{"intelRdt": {"closID": "a/b"}}"#, "/intelRdt/closID"),
            (#"{"intelRdt": {"enableCMT": true}}"#, "/intelRdt/enableCMT"),
            (#"{"netDevices": [{"hostInterfaceName": "a"}]}"#, "/netDevices/0/name"),
            (
                #"{"netDevices": [{"hostInterfaceName": "a", "name": "x"}, {"hostInterfaceName": "b", "name": "x"}]}"#,
                "/netDevices/1"
            ),
        ])
    func edits(_ edits: String, _ pointer: String) throws {
        let failure = try failure(Self.document(edits))
        #expect(
            failure?.description.hasPrefix("/devices/0/containerEdits\(pointer): ") == true,
            "\(failure?.description ?? "none")")
    }

    @Test(
        "A field is refused where the version has no word for it",
        arguments: [
            (#"{"mounts": [{"hostPath": "/a", "containerPath": "/b", "type": "bind"}]}"#, "0.3.0", "0.4.0"),
            (#"{"deviceNodes": [{"path": "/dev/a", "hostPath": "/dev/b"}]}"#, "0.4.0", "0.5.0"),
            (#"{"additionalGids": [4]}"#, "0.6.0", "0.7.0"),
            (#"{"intelRdt": {"closID": "a"}}"#, "0.6.0", "0.7.0"),
            (#"{"netDevices": [{"hostInterfaceName": "a", "name": "b"}]}"#, "1.0.0", "1.1.0"),
            (#"{"intelRdt": {"schemata": []}}"#, "1.0.0", "1.1.0"),
        ])
    func versions(_ edits: String, _ without: String, _ with: String) throws {
        let text = try #require(try failure(Self.document(edits, version: without))).description
        #expect(text.contains("version \(with) and up") && text.contains("says \(without)"))
        #expect(try failure(Self.document(edits, version: "v" + with)) == nil)
    }

    @Test("Edits are applied as the specification has it")
    func apply() {
        var config = Config(ociVersion: "1.2.0")
        var process = OCISpec.Process(cwd: "/")
        process.env = ["PATH=/bin", "A=old", "AB=kept"]
        process.user.uid = 1000
        process.user.additionalGids = [44]
        config.process = process
        var linux = Linux()
        linux.namespaces = [Namespace(type: .user)]
        linux.devices = [Device(type: .b, path: "/dev/x")]
        linux.netDevices = [NetDevice(hostName: "ens1", name: "old"), NetDevice(hostName: "ens2")]
        config.linux = linux
        config.mounts = [Mount(destination: "/a/b"), Mount(destination: "/"), Mount(destination: "/c")]
        var hooks = Hooks()
        hooks.poststop = [Hook(path: "/first")]
        config.hooks = hooks

        var edits = ContainerEdits()
        edits.env = ["A=new", "C=1"]
        edits.additionalGids = [44, 45]
        var device = Device(type: .c, path: "/dev/x")
        device.major = 1
        device.minor = 3
        edits.deviceNodes = [
            .init(device: device, access: "rw"),
            .init(device: Device(type: .p, path: "/dev/p"), access: "rwm"),
        ]
        edits.netDevices = [NetDevice(hostName: "ens1", name: "new")]
        edits.hooks.poststop = [Hook(path: "/second")]
        var bind = Mount(destination: "/a")
        bind.options = ["rbind", "ro"]
        var replaced = Mount(destination: "/c")
        replaced.type = "tmpfs"
        edits.mounts = [bind, replaced]
        edits.intelRdt = IntelRdt()
        edits.apply(to: &config)

        #expect(config.process?.env == ["PATH=/bin", "A=new", "AB=kept", "C=1"])
        #expect(config.process?.user.additionalGids == [44, 45])
        #expect(config.linux?.devices.map(\.path) == ["/dev/x", "/dev/p"])
        #expect(config.linux?.devices[0].type == .c && config.linux?.devices[0].uid == 1000)
        #expect(config.linux?.devices[0].gid == nil)
        #expect(config.linux?.resources?.devices.count == 1)
        #expect(config.linux?.resources?.devices[0].access == "rw")
        #expect(config.linux?.netDevices.map(\.hostName) == ["ens2", "ens1"])
        #expect(config.linux?.netDevices[1].name == "new")
        #expect(config.mounts.map(\.destination) == ["/", "/a", "/c", "/a/b"])
        #expect(config.mounts[1].options == ["rbind", "ro", "ridmap"])
        #expect(config.mounts[2].type == "tmpfs" && config.mounts[2].options == [])
        #expect(config.hooks?.poststop.map(\.path) == ["/first", "/second"])
        #expect(config.linux?.intelRdt != nil)

        var untouched = Config(ociVersion: "1.2.0")
        ContainerEdits().apply(to: &untouched)
        #expect(untouched == Config(ociVersion: "1.2.0"))
    }

    @Test("YAML that is none, or much of little, is refused")
    func yaml() throws {
        func failure(_ text: String) -> String? {
            do throws(Failure) {
                _ = try CDIYAML.json(text)
                return nil
            } catch {
                return error.description
            }
        }
        #expect(failure("a: [")?.isEmpty == false)
        #expect(failure("a: 1\na: 2")?.contains("duplicated") == true)
        #expect(failure("") != nil)
        #expect(failure("[a]: b")?.contains("not a text") == true)
        #expect(failure("a: *b") != nil)
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(alias)]\n"
        }
        #expect(failure(bomb)?.contains("larger than 8 MiB") == true)
    }
}
