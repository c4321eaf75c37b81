import Foundation
import NIOHTTP1
import Testing

@testable import Images

@Suite("Authorization of pulls", .timeLimit(.minutes(1)))
struct AuthorizationTests {
    private let image = FakeImage([FakeImage.noise(1000, 1)])

    private func answer(
        _ request: FakeRegistry.Request, wanting authorization: String, challenge: String
    ) -> FakeRegistry.Reply {
        request.authorization == authorization
            ? image.answer(request) : .status(.unauthorized, [("WWW-Authenticate", challenge)])
    }

    /// A registry that wants tokens, and a token server beside it which gives one to whom it knows.
    private func withTokens(_ knows: @escaping @Sendable (FakeRegistry.Request) -> Bool) async throws
        -> (registry: FakeRegistry, tokens: FakeRegistry)
    {
        let tokens = try await FakeRegistry { request in
            knows(request)
                ? .init(body: Array(#"{"token":"ticket","expires_in":300}"#.utf8))
                : .init(status: .unauthorized, body: Array(#"{"details":"who are you?"}"#.utf8))
        }
        let realm = "http://\(tokens.authority)/token?x=1"
        let registry = try await FakeRegistry { request in
            answer(
                request, wanting: "Bearer ticket",
                challenge: #"Bearer realm="\#(realm)",service="s & t",scope="repository:a/b:pull,push""#)
        }
        return (registry, tokens)
    }

    @Test("a token for nobody in particular, once")
    func anonymous() async throws {
        let (registry, tokens) = try await withTokens { $0.method == .GET && $0.authorization == nil }
        let rig = try Rig()
        _ = try await rig.pull("\(registry.authority)/a/b:t")
        #expect(tokens.requests.map(\.path) == ["/token"])
        #expect(tokens.requests[0].query == "x=1&scope=repository%3Aa%2Fb%3Apull%2Cpush&service=s%20%26%20t")
        // The manifest, refused and then not; the configuration; the layer.
        #expect(registry.requests.count == 4)
    }

    @Test("a token for a user and a password")
    func password() async throws {
        let basic = "Basic " + Data("user:pass:word".utf8).base64EncodedString()
        let (registry, tokens) = try await withTokens { $0.authorization == basic }
        let rig = try Rig()
        let good = try RegistryCredentials(username: "user", password: "pass:word")
        _ = try await rig.pull("\(registry.authority)/a/b:t", good)
        #expect(tokens.requests[0].query.hasSuffix("&account=user"))
        #expect(registry.requests.allSatisfy { $0.authorization != basic })
        let bad = try RegistryCredentials(username: "user", password: "hush")
        for credentials in [bad, nil] {
            let error = await #expect(throws: ImageError.self) {
                _ = try await rig.pull("\(registry.authority)/a/b:t", credentials)
            }
            #expect(error?.kind == .denied)
            let said = error?.description ?? ""
            #expect(said.contains("who are you?") && !said.contains("hush"), "\(said)")
        }
        // Credentials for another server are not shown to this one.
        let others = try RegistryCredentials(username: "user", password: "pass:word", serverAddress: "r.io")
        await #expect(throws: ImageError.self) {
            _ = try await rig.pull("\(registry.authority)/a/b:t", others)
        }
        #expect(tokens.requests.last?.authorization == nil)
    }

    @Test("credentials for a registry are shown where its file says that it is, and to no mirror")
    func serverOfAFile() async throws {
        let basic = "Basic " + Data("user:pass:word".utf8).base64EncodedString()
        let server = try await FakeRegistry { request in
            answer(request, wanting: basic, challenge: #"Basic realm="x""#)
        }
        let mirror = try await FakeRegistry { _ in
            .status(.unauthorized, [("WWW-Authenticate", #"Basic realm="x""#)])
        }
        // kubelet names no server.
        for address in ["https://r.io/v2/", ""] {
            let rig = try Rig()
            try rig.root.write(
                "certs.d/r.io/hosts.toml",
                """
                server = "http://\(server.authority)"
                [host."http://\(mirror.authority)"]
                """)
            let credentials = try RegistryCredentials(
                username: "user", password: "pass:word", serverAddress: address)
            _ = try await rig.pull("r.io/a:t", credentials)
            #expect(server.requests.contains { $0.authorization == basic })
            #expect(!mirror.requests.isEmpty && mirror.requests.allSatisfy { $0.authorization == nil })
        }
    }

    @Test("what a server has in hosts.toml does not go to its token server")
    func tokenServerElsewhere() async throws {
        // It would be asked in vain if it wanted the client's certificate.
        for wantsCertificate in [false, true] {
            var tls = try TestCertificates.serverConfiguration()
            let registryTLS = tls
            if !wantsCertificate { tls.certificateVerification = .none }
            let tokens = try await FakeRegistry(tls: tls) { _ in
                .init(body: Array(#"{"token":"ticket"}"#.utf8))
            }
            let registry = try await FakeRegistry(tls: registryTLS) { request in
                answer(
                    request, wanting: "Bearer ticket",
                    challenge: #"Bearer realm="https://\#(tokens.authority)/token""#)
            }
            let rig = try Rig()
            try rig.root.write("certs.d/r.io/ca.pem", TestCertificates.authority)
            try rig.root.write(
                "certs.d/r.io/both.pem", TestCertificates.client + "\n" + TestCertificates.clientKey)
            try rig.root.write(
                "certs.d/r.io/hosts.toml",
                """
                server = "https://\(registry.authority)"
                ca = "ca.pem"
                client = "both.pem"
                [header]
                X-Secret = "hush"
                """)
            if wantsCertificate {
                let error = await #expect(throws: ImageError.self) { _ = try await rig.pull("r.io/a:t") }
                #expect(
                    error?.description.contains("CERTIFICATE_REQUIRED") == true,
                    "\(String(describing: error))")
                continue
            }
            _ = try await rig.pull("r.io/a:t")
            #expect(
                !tokens.requests.isEmpty
                    && tokens.requests.allSatisfy { !$0.headers.contains(name: "X-Secret") })
            #expect(registry.requests.allSatisfy { $0.headers.first(name: "X-Secret") == "hush" })
        }
    }

    @Test("a token for an identity token")
    func identityToken() async throws {
        let (registry, tokens) = try await withTokens { request in
            request.method == .POST && request.body.contains("grant_type=refresh_token&client_id=apus-cri")
                && request.body.contains("refresh_token=s%2Bcret%3D")
                && request.body.contains("scope=repository%3Aa%2Fb%3Apull%2Cpush")
        }
        let rig = try Rig()
        let credentials = try RegistryCredentials(identityToken: "s+cret=")
        _ = try await rig.pull("\(registry.authority)/a/b:t", credentials)
        #expect(tokens.requests[0].headers.first(name: "Content-Type") == "application/x-www-form-urlencoded")
        #expect(tokens.requests[0].query == "x=1")
    }

    @Test("a registry token, from the first request on")
    func registryToken() async throws {
        let (registry, tokens) = try await withTokens { _ in false }
        let rig = try Rig()
        let good = try RegistryCredentials(registryToken: "ticket")
        _ = try await rig.pull("\(registry.authority)/a/b:t", good)
        #expect(
            registry.requests.allSatisfy { $0.authorization == "Bearer ticket" } && tokens.requests.isEmpty)
        let bad = try RegistryCredentials(registryToken: "hush")
        let error = await #expect(throws: ImageError.self) {
            _ = try await rig.pull("\(registry.authority)/a/b:t", bad)
        }
        #expect(error?.kind == .denied && error?.description.contains("hush") == false)
    }

    @Test("a user and a password, shown to the registry itself")
    func basic() async throws {
        let wanted = "Basic " + Data("u:p".utf8).base64EncodedString()
        let registry = try await FakeRegistry { answer($0, wanting: wanted, challenge: #"Basic realm="r""#) }
        let rig = try Rig()
        let good = try RegistryCredentials(auth: Data("u:p".utf8).base64EncodedString())
        _ = try await rig.pull("\(registry.authority)/a:t", good)
        #expect(registry.requests.map { $0.authorization != nil } == [false, true, true, true])
        for credentials in [nil, try RegistryCredentials(username: "u", password: "x")] {
            let error = await #expect(throws: ImageError.self) {
                _ = try await rig.pull("\(registry.authority)/a:t", credentials)
            }
            #expect(error?.kind == .denied, "\(error?.description ?? "")")
        }
    }

    @Test("a token that has ended is replaced")
    func ended() async throws {
        let tokens = try await FakeRegistry {
            .init(body: Array(#"{"access_token":"t\#($0.earlier)"}"#.utf8))
        }
        let registry = try await FakeRegistry { request in
            let wanted = request.path.contains("/blobs/") ? "Bearer t1" : "Bearer t0"
            return answer(
                request, wanting: wanted, challenge: #"Bearer realm="http://\#(tokens.authority)/""#)
        }
        let rig = try Rig()
        _ = try await rig.pull("\(registry.authority)/a:t")
        #expect(tokens.requests.count == 2)
        #expect(tokens.requests[0].query == "scope=repository%3Aa%3Apull")
    }

    @Test("nothing of it goes where a redirect leads")
    func redirect() async throws {
        let storage = try await FakeRegistry { request in
            image.answer(request)
        }
        let wanted = "Basic " + Data("u:p".utf8).base64EncodedString()
        let registry = try await FakeRegistry { request in
            let reply = answer(request, wanting: wanted, challenge: "Basic")
            guard reply.status == .ok, request.path.contains("/blobs/") else { return reply }
            // Once within the server, and then to another.
            let target = request.path.hasPrefix("/again") ? "http://\(storage.authority)" : "/again"
            return .status(.temporaryRedirect, [("Location", target + request.path)])
        }
        let rig = try Rig()
        try rig.root.write(
            "certs.d/r.io/hosts.toml",
            """
            server = "http://\(registry.authority)"
            [header]
            X-Secret = "hush"
            """)
        _ = try await rig.pull("r.io/a:t", try RegistryCredentials(username: "u", password: "p"))
        #expect(storage.requests.count == 2)
        #expect(
            storage.requests.allSatisfy { $0.authorization == nil && !$0.headers.contains(name: "X-Secret") })
        let again = registry.requests.filter { $0.path.hasPrefix("/again") }
        #expect(again.count == 2 && again.allSatisfy { $0.authorization == wanted })
        #expect(registry.requests.allSatisfy { $0.headers.first(name: "X-Secret") == "hush" })
        registry.answer { .status(.found, [("Location", $0.path)]) }
        let error = await #expect(throws: ImageError.self) { _ = try await rig.pull("r.io/a:t") }
        #expect(error?.description.contains("redirects more than") == true)
    }
}
