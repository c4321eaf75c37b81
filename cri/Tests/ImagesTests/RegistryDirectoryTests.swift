import Foundation
import Testing

@testable import Images

@Suite("hosts.toml")
struct RegistryDirectoryTests {
    private func read(_ text: String, registry: String = "r.io") throws -> HostsFile {
        try HostsFile(text, path: "/certs.d/r.io/hosts.toml", registry: registry)
    }

    @Test("keeps the order of the file, whatever the names sort to")
    func order() throws {
        let file = try read(
            """
            # [host."https://comment.io"]
            server = "https://upstream.io"
            [host."https://z.io"]
              capabilities = ["pull", "resolve"]
            [host."https://z.io".header]
              X-One = "1"
              X-Many = ["2", "3"]
            [host.'http://127.0.0.1:5055']
              capabilities = ["pull"]
              dial_timeout = "1m1.5s"
            [host."https://a.io/base/"]
              override_path = true
            [host."m.io/with/path"]
            """)
        #expect(
            file.mirrors.map(\.origin)
                == ["https://z.io", "http://127.0.0.1:5055", "https://a.io", "https://m.io"])
        #expect(file.mirrors.map(\.path) == ["/v2", "/v2", "/base", "/with/path/v2"])
        #expect(file.mirrors[0].capabilities == [.pull, .resolve])
        #expect(
            file.mirrors[0].headers.map { "\($0.name)=\($0.value)" } == ["X-One=1", "X-Many=2", "X-Many=3"])
        #expect(file.mirrors[1].capabilities == [.pull])
        #expect(file.mirrors[1].dialTimeout == 61_500)
        #expect(file.mirrors[3].capabilities == .all)
        #expect(file.server.origin == "https://upstream.io")
    }

    @Test("orders what is written inline, too")
    func inline() throws {
        let file = try read(#"host = { "https://z.io" = { skip_verify = true }, "https://a.io" = {} }"#)
        #expect(file.mirrors.map(\.authority) == ["z.io", "a.io"])
        #expect(file.mirrors.map(\.tls.skipVerify) == [true, false])
        #expect(file.server.origin == "https://r.io")
    }

    @Test("takes certificates in each of their forms")
    func certificates() throws {
        let file = try read(
            """
            ca = "one.pem"
            client = [["c.cert", "/keys/c.key"]]
            [host."https://b.io"]
            ca = ["/x/a.pem", "b.pem"]
            client = "both.pem"
            [host."https://c.io"]
            client = [["both.pem", ""]]
            """)
        #expect(file.server.tls.authorities == ["/certs.d/r.io/one.pem"])
        #expect(file.server.tls.client == .init(certificate: "/certs.d/r.io/c.cert", key: "/keys/c.key"))
        #expect(file.mirrors[0].tls.authorities == ["/x/a.pem", "/certs.d/r.io/b.pem"])
        #expect(file.mirrors[0].tls.client == .init(certificate: "/certs.d/r.io/both.pem", key: nil))
        #expect(file.mirrors[1].tls.client == file.mirrors[0].tls.client)
    }

    @Test(
        "refuses what it does not know, with file and line",
        arguments: [
            ("server = 5", ":1: server: is to be a string"),
            ("\nservr = \"x\"", ":2: servr: is not a key"),
            (
                "[host.\"https://a.io\"]\ncapabilities = [\"pull\"]\nskip_verfy = true",
                ":3: host.\"https://a.io\".skip_verfy"
            ),
            (
                "[host.\"https://a.io\"]\n\ncapabilities = [\"pul\"]",
                ":3: host.\"https://a.io\".capabilities: \"pul\""
            ),
            ("[host.\"ftp://a.io\"]", ":1: host.\"ftp://a.io\": \"ftp://a.io\" is neither"),
            ("x = \"\"\"\n\n\"\"\"\ndial_timeout = \"1 day\"", ":1: x: is not a key"),
            ("# a\n\ndial_timeout = \"1 day\"", ":3: dial_timeout: is not a duration"),
            ("skip_verify = \"yes\"", ":1: skip_verify: is to be true or false"),
            ("[header]\n\"a b\" = \"c\"", ":2: header.a b: is not the name of a header"),
            ("client = [[\"a\", \"b\"], [\"c\", \"d\"]]", ":1: client: has 2 client certificates"),
            ("[host.\"http://a.io\"]\nca = \"x\"", "which is not encrypted"),
            ("a = \n", ":1: is not TOML"),
            ("server = \"a.io\"\nhost = 3", ":2: host: is to be a table"),
            ("proxy = \"https://p:1\"", ":1: proxy: proxies of the scheme \"https\""),
        ])
    func refused(_ text: String, _ message: String) {
        let error = #expect(throws: ImageError.self) { _ = try read(text) }
        #expect(error?.kind == .invalid)
        let said = error?.description ?? ""
        #expect(said.hasPrefix("/certs.d/r.io/hosts.toml") && said.contains(message), "\(said)")
    }

    @Test(
        "the registry itself is asked with https, but on the loopback device",
        arguments: [
            ("docker.io", "https://registry-1.docker.io"), ("r.io", "https://r.io"),
            ("r.io:80", "https://r.io:80"),
            ("localhost:5000", "http://localhost:5000"), ("127.8.0.1:5000", "http://127.8.0.1:5000"),
            ("[::1]:5000", "http://[::1]:5000"), ("localhost", "https://localhost"),
            ("localhost:443", "https://localhost:443"), ("128.0.0.1:5000", "https://128.0.0.1:5000"),
        ])
    func itself(_ registry: String, _ origin: String) {
        #expect(RegistryHost.itself(registry).origin == origin)
    }

    @Test("is looked for by host_port_, host:port and _default")
    func directories() throws {
        let root = try TemporaryDirectory()
        func write(_ name: String, _ server: String) throws {
            try root.write("\(name)/hosts.toml", "server = \"https://\(server)\"")
        }
        let directory = RegistryDirectory(path: root.path)
        func server(_ registry: String) throws -> String {
            try directory.hosts(of: registry).map(\.authority).joined()
        }
        #expect(try server("r.io:5000") == "r.io:5000")
        try write("_default", "default.io")
        #expect(try server("r.io:5000") == "default.io")
        #expect(try server("docker.io") == "default.io")
        try write("r.io:5000", "colon.io")
        #expect(try server("r.io:5000") == "colon.io")
        try write("r.io_5000_", "underscore.io")
        #expect(try server("r.io:5000") == "underscore.io")
        #expect(try server("r.io") == "default.io")
    }

    @Test("or certificates alone, as Docker has them")
    func dockerStyle() throws {
        let root = try TemporaryDirectory()
        try root.write("localhost:5000/a.crt", "")
        try root.write("localhost:5000/c.cert", "")
        let directory = RegistryDirectory(path: root.path)
        let error = #expect(throws: ImageError.self) { try directory.hosts(of: "localhost:5000") }
        #expect(error?.description.contains("has no c.key") == true)
        try root.write("localhost:5000/c.key", "")
        let host = try #require(try directory.hosts(of: "localhost:5000").first)
        #expect(host.origin == "https://localhost:5000")
        #expect(host.tls.authorities == ["\(root.path)/localhost:5000/a.crt"])
        #expect(host.tls.client?.key == "\(root.path)/localhost:5000/c.key")
    }
}

/// A directory that is removed with its owner.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "apus-images-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func names(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(directory)").sorted()
    }
}
