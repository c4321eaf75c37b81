import Testing

@testable import Images

@Suite("Image references")
struct ImageReferenceTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)

    @Test(
        "have one normal form",
        arguments: [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.29", "docker.io/library/busybox:1.29"),
            ("library/busybox", "docker.io/library/busybox:latest"),
            ("user/app:v1", "docker.io/user/app:v1"),
            ("docker.io/busybox", "docker.io/library/busybox:latest"),
            ("index.docker.io/busybox:x", "docker.io/library/busybox:x"),
            ("docker.io/a/b/c", "docker.io/a/b/c:latest"),
            ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("host:5000/a/b:tag", "host:5000/a/b:tag"),
            ("127.0.0.1:5055/a:t", "127.0.0.1:5055/a:t"),
            ("[::1]:5000/a:t", "[::1]:5000/a:t"),
            ("[2001:db8::1]/a/b", "[2001:db8::1]/a/b:latest"),
            ("HOST/app", "HOST/app:latest"),
            ("a.b-c/d__e/f-----g/h.i_j:T.a_g-1", "a.b-c/d__e/f-----g/h.i_j:T.a_g-1"),
            ("busybox@sha256:\(hex)", "docker.io/library/busybox@sha256:\(hex)"),
            ("r.io/a:t@sha256:\(hex)", "r.io/a:t@sha256:\(hex)"),
            ("r.io:1/a@sha256:\(hex)", "r.io:1/a@sha256:\(hex)"),
            ("r.io/a:\(String(repeating: "t", count: 128))", "r.io/a:\(String(repeating: "t", count: 128))"),
            ("r.io/\(hex)", "r.io/\(hex):latest"),
        ])
    func normal(_ written: String, _ normal: String) throws {
        let reference = try ImageReference(written)
        #expect(reference.description == normal)
        #expect(try ImageReference(normal) == reference)
    }

    @Test(
        "that are none are refused, and why",
        arguments: [
            ("", "empty"), (" busybox", "blanks"), ("busy box", "blanks"), ("büsybox", "non-ASCII"),
            ("Busybox", "upper-case"), ("a/B", "upper-case"), ("docker.io/", "names no repository"),
            ("/a", "not a part"), ("a//b", "not a part"), ("a/", "not a part"), ("-a", "not a part"),
            ("a-", "not a part"), ("a..b", "not a part"), ("a___b", "not a part"), ("a._b", "not a part"),
            ("a:", "not a tag"), ("a:-x", "not a tag"), ("a:.x", "not a tag"), ("a/b:c:d", "not a tag"),
            ("a:b:c", "not a tag"), ("a:\(String(repeating: "t", count: 129))", "not a tag"),
            ("a@", "not a digest"), ("a@sha256:abc", "not a digest"),
            ("a@sha512:\(hex)\(hex)", "not a digest"),
            ("a@sha256:\(hex.uppercased())", "not a digest"),
            ("a@sha256:\(hex)@sha256:\(hex)", "not a digest"),
            ("host:99999/a", "not a host"), ("host:x/a", "not a host"), ("-h.io/a", "not a host"),
            ("[::1/a", "not a host"), ("[]:5/a", "not a host"), ("h..io/a", "not a host"),
            (hex, "image's id"), ("r.io/\(String(repeating: "a", count: 256))", "255 are allowed"),
        ])
    func refused(_ written: String, _ reason: String) {
        let error = #expect(throws: ImageError.self) { _ = try ImageReference(written) }
        #expect(error?.kind == .invalid)
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test("give their parts")
    func parts() throws {
        let reference = try ImageReference("r.io:5/a/b:t@sha256:\(Self.hex)")
        #expect(reference.host == "r.io:5")
        #expect(reference.repository == "a/b")
        #expect(reference.name == "r.io:5/a/b")
        #expect(reference.tag == "t")
        #expect(reference.digest?.hex == Self.hex)
        #expect(reference.selector == "sha256:\(Self.hex)")
        let other = try #require(Digest(hex: String(repeating: "0", count: 64)))
        #expect(reference.pinned(to: other).description == "r.io:5/a/b@\(other)")
    }
}
