import CRIU
import Diagnosis
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

@Suite struct CheckpointOptionTests {
    private func server(_ text: String) throws -> Options.PageServer? {
        var options = CheckpointOptions()
        options.pageServer = text
        return try options.server()
    }

    @Test func pageServers() throws {
        #expect(try CheckpointOptions().server() == nil)
        #expect(try server("10.0.0.1:27000") == .init(address: "10.0.0.1", port: 27000))
        #expect(try server("[::1]:1") == .init(address: "::1", port: 1))
        #expect(try server("host.example:65535") == .init(address: "host.example", port: 65535))
    }

    @Test(arguments: [
        "", "host", "host:", ":27", "host:0", "host:65536", "host:+1", "host:x", "::1:27", "[]:27",
    ])
    func whatIsNoPageServer(_ text: String) {
        let error = #expect(throws: Failure.self) { try server(text) }
        #expect(error?.origin == .option("--page-server"))
    }

    @Test func configurationFile() throws {
        var config = Config(ociVersion: "1.0.0")
        config.annotations["org.criu.config"] = ""
        #expect(try config.criuConfiguration() == nil)
        config.annotations["org.criu.config"] = "/etc/hostname"
        #expect(try config.criuConfiguration() == "/etc/hostname")
        for path in ["relative", "/no/such/file"] {
            config.annotations["org.criu.config"] = path
            let error = #expect(throws: Failure.self) { try config.criuConfiguration() }
            #expect(error?.origin == .config("/annotations/org.criu.config"))
        }
    }
}

@Suite struct MountTableTests {
    @Test func escapes() {
        let field = Array(#"/a\040b\134\011\x"#.utf8)
        #expect(MountTable.unescaped(field[...]) == "/a b\\\t\\x")
    }

    @Test func ownMounts() throws {
        let table = try MountTable(pid: ProcessControl.ownPID)
        #expect(table.points.contains("/proc"))
        #expect(!table.points(below: "/proc").contains("/proc"))
        #expect(table.points(below: "/").contains("/proc") && !table.points(below: "/").contains("/"))
    }
}
