import Foundation
import Testing

@testable import Images

@Suite("What registries say and are told")
struct RegistryMessagesTests {
    @Test("challenges are read as they are written")
    func challenges() {
        #expect(
            AuthChallenge.parse(
                #"Bearer realm="https://auth.io/token",service="r.io",scope="repository:a/b:pull,push""#)
                == [
                    AuthChallenge(
                        scheme: "bearer",
                        parameters: [
                            "realm": "https://auth.io/token", "service": "r.io",
                            "scope": "repository:a/b:pull,push",
                        ])
                ])
        #expect(
            AuthChallenge.parse(#"Basic realm="a \"b\", c" , charset=UTF-8, BEARER Realm=x"#)
                == [
                    AuthChallenge(scheme: "basic", parameters: ["realm": "a \"b\", c", "charset": "UTF-8"]),
                    AuthChallenge(scheme: "bearer", parameters: ["realm": "x"]),
                ])
        #expect(AuthChallenge.parse("Negotiate") == [AuthChallenge(scheme: "negotiate")])
        #expect(AuthChallenge.parse(#"Bearer realm="one",realm="two""#).first?.parameters["realm"] == "one")
        #expect(AuthChallenge.parse(#"Bearer realm="never ends"#) == [AuthChallenge(scheme: "bearer")])
        #expect(AuthChallenge.parse("") == [])
        #expect(AuthChallenge.parse(", ,=\"") == [])
    }

    @Test("credentials keep their secrets to themselves")
    func redaction() throws {
        let all = [
            try RegistryCredentials(username: "name-x", password: "hush-1"),
            try RegistryCredentials(auth: Data("name-x:hush-2".utf8).base64EncodedString()),
            try RegistryCredentials(identityToken: "hush-3"),
            try RegistryCredentials(registryToken: "hush-4"),
        ]
        for credentials in all {
            let credentials = try #require(credentials)
            var dumped = ""
            dump(credentials, to: &dumped)
            dump(credentials.secret, to: &dumped)
            let shown = "\(credentials) \(credentials.secret) \(String(reflecting: credentials)) \(dumped)"
            #expect(!shown.contains("hush"), "\(shown)")
            #expect(shown.contains("credentials ("))
        }
    }

    @Test("credentials come in the order of the fields, and are for one server")
    func credentials() throws {
        #expect(try RegistryCredentials() == nil)
        #expect(try RegistryCredentials(serverAddress: "https://r.io") == nil)
        let auth = Data("u:p:q\0\0".utf8).base64EncodedString()
        #expect(try RegistryCredentials(auth: auth)?.secret == .password(user: "u", password: "p:q"))
        #expect(
            try RegistryCredentials(username: "a", password: "b", auth: auth, identityToken: "i")?.secret
                == .password(user: "a", password: "b"))
        #expect(
            try RegistryCredentials(username: "a", identityToken: "i", registryToken: "r")?.secret
                == .registryToken("r"))
        let hub = try #require(
            try RegistryCredentials(username: "a", serverAddress: "https://index.docker.io/v1/"))
        func shows(_ credentials: RegistryCredentials, to server: String, of registry: String) -> Bool {
            credentials.areFor(server, of: registry, isRegistry: false)
        }
        #expect(shows(hub, to: "docker.io", of: "docker.io"))
        #expect(shows(hub, to: "registry-1.docker.io", of: "docker.io"))
        #expect(!shows(hub, to: "r.io", of: "r.io") && !shows(hub, to: "mirror.io", of: "docker.io"))
        #expect(hub.areFor("mirror.io", of: "docker.io", isRegistry: true))
        let other = try #require(try RegistryCredentials(username: "a", serverAddress: "R.io:5000"))
        #expect(shows(other, to: "r.io:5000", of: "r.io:5000") && !shows(other, to: "r.io", of: "r.io"))
        #expect(shows(other, to: "r.io:5000", of: "another.io"), "a mirror that they are for by name")
        let anybodys = try #require(try RegistryCredentials(username: "a"))
        #expect(shows(anybodys, to: "r.io", of: "r.io") && !shows(anybodys, to: "mirror.io", of: "r.io"))
        #expect(anybodys.areFor("mirror.io", of: "r.io", isRegistry: true))
        let said = #expect(throws: ImageError.self) {
            _ = try RegistryCredentials(username: "a", serverAddress: "https://user:hush@r.io/v2")
        }
        #expect(said?.description.contains("...@r.io/v2\" names no host") == true)
        #expect(said?.description.contains("hush") == false)
        for (auth, address, token) in [
            ("!!", "", ""), ("bm9jb2xvbg==", "", ""), ("", "a b", "t"), ("", "", "a\nb"),
        ] {
            let error = #expect(throws: ImageError.self) {
                _ = try RegistryCredentials(auth: auth, serverAddress: address, registryToken: token)
            }
            #expect(error?.kind == .invalid)
        }
    }

    @Test("proxies are those of the environment, with its exceptions")
    func proxies() throws {
        let settings = try ProxySettings(environment: [
            "HTTPS_PROXY": "http://user:pa%20ss@proxy.io:3128", "http_proxy": "plain.io",
            "NO_PROXY": "a.io, .b.io,*.c.io,10.0.0.0/8,1.2.3.4,d.io:8443 fd00::/8,[fd01::1]:99",
        ])
        let secure = try #require(settings.proxy(isSecure: true, authority: "r.io"))
        #expect(secure.host == "proxy.io" && secure.port == 3128 && secure.kind == .http)
        #expect(secure.basic == Data("user:pa ss".utf8).base64EncodedString())
        #expect(!"\(secure)".contains("ss"))
        #expect(settings.proxy(isSecure: false, authority: "r.io:5000")?.description == "http://plain.io:80")
        for straight in [
            "a.io", "x.a.io:5000", "x.b.io", "y.c.io", "10.200.0.1:5000", "1.2.3.4", "d.io:8443",
            "localhost:5000", "127.3.2.1", "[::1]:5000", "[fd12::1]:5000", "A.IO",
        ] {
            #expect(settings.proxy(isSecure: true, authority: straight) == nil, "\(straight)")
        }
        for proxied in ["b.io", "c.io", "xa.io", "11.0.0.1", "1.2.3.5", "d.io", "d.io:443", "[fe00::1]"] {
            #expect(settings.proxy(isSecure: true, authority: proxied) != nil, "\(proxied)")
        }
        let none = try ProxySettings(environment: ["HTTPS_PROXY": "socks5://s.io", "NO_PROXY": "*"])
        #expect(none.proxy(isSecure: true, authority: "r.io") == nil)
        #expect(try ProxySettings(environment: [:]).proxy(isSecure: true, authority: "r.io") == nil)
        let error = #expect(throws: ImageError.self) {
            _ = try ProxySettings(environment: ["https_proxy": "https://user:hush@p.io"])
        }
        let said = error?.description ?? ""
        #expect(said.contains("https_proxy") && !said.contains("hush"))
    }

    @Test("a server that is asked too often says when to come back")
    func retryAfter() {
        let now = Date(timeIntervalSince1970: 1_445_412_470)
        #expect(RetryPolicy.wish("7") == .seconds(7))
        #expect(RetryPolicy.wish("-7") == .seconds(0))
        #expect(RetryPolicy.wish("Wed, 21 Oct 2015 07:28:00 GMT", now: now) == .seconds(10))
        #expect(RetryPolicy.wish("soon") == nil)
        #expect(RetryPolicy.wish(nil) == nil)
    }

    @Test("parts of blobs are known by Content-Range")
    func contentRange() {
        #expect(
            RegistrySession.contentRange("bytes 5-9/10").map { "\($0)" } == "(first: 5, size: Optional(10))")
        #expect(RegistrySession.contentRange("bytes 5-9/*").map { "\($0)" } == "(first: 5, size: nil)")
        #expect(RegistrySession.contentRange("bytes */10") == nil)
        #expect(RegistrySession.contentRange("items 5-9/10") == nil)
        #expect(RegistrySession.contentRange(nil) == nil)
    }

    @Test(
        "durations are Go's",
        arguments: [
            ("1s", 1000), ("300ms", 300), ("1h1m1.5s", 3_661_500), ("1us", 1), ("5", nil), ("", nil),
            ("1d", nil),
            ("s", nil), ("1e9h", nil), ("99999h", nil),
        ] as [(String, Int?)])
    func durations(_ text: String, _ milliseconds: Int?) {
        #expect(GoDuration.milliseconds(text) == milliseconds)
    }
}
