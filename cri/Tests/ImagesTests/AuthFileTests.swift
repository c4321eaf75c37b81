import Foundation
import Testing

@testable import Images

@Suite struct AuthFileTests {
    private static func auth(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    private func login(_ document: String, _ image: String) throws -> RegistryLogin? {
        let root = try TemporaryDirectory()
        try root.write("auth.json", document)
        return try AuthFile("\(root.path)/auth.json").login(for: try ImageReference(image))
    }

    @Test func theNearestNameWins() throws {
        let names = [
            "r.io", "r.io/a", "r.io/a/b", "r.io:5000", "https://index.docker.io/v1/", "http://old.io/v2/",
        ]
        let auths = names.map { "\"\($0)\":{\"auth\":\"\(Self.auth("\($0):p"))\"}" }.joined(separator: ",")
        for (image, user) in [
            ("r.io/x:1", "r.io"), ("r.io/a/c", "r.io/a"),
            ("r.io/a/b@sha256:\(Digest(of: [1]).hex)", "r.io/a/b"),
            ("r.io/ab", "r.io"), ("R.io/a", "r.io/a"), ("r.io:5000/a", "r.io"), ("busybox", "https"),
            ("docker.io/some/body", "https"), ("old.io/x", "http"), ("r.io:443/x", "r.io"),
        ] {
            let found = try #require(try login("{\"auths\":{\(auths)}}", image), "\(image)")
            let credentials = try #require(try found.credentials())
            guard case .password(let name, _) = credentials.secret else {
                Issue.record("\(image) has no password")
                continue
            }
            #expect(name == user, "\(image)")
            #expect(credentials.server == (try ImageReference(image)).host.lowercased())
        }
        for image in ["other.io/a", "r.io:5001/a", "localhost/r.io"] {
            #expect(try login("{\"auths\":{\(auths)}}", image) == nil, "\(image)")
        }
    }

    @Test func allKindsOfLogins() throws {
        let tokens = try login(
            #"{"auths":{"r.io":{"auth":"\#(Self.auth("token:"))","identitytoken":"i"}},"credsStore":"desktop"}"#,
            "r.io/a")
        #expect(try tokens?.credentials()?.secret == .identityToken("i"))
        let plain = try login(#"{"auths":{"r.io":{"username":"u","password":"hush"}}}"#, "r.io/a")
        #expect(try plain?.credentials()?.secret == .password(user: "u", password: "hush"))
        #expect(!"\(plain as Any)".contains("hush"))
        var text = ""
        dump(plain, to: &text)
        #expect(!text.contains("hush"))
        for none in ["{}", #"{"auths":{}}"#, #"{"auths":{"r.io":{}}}"#, #"{"credsStore":"desktop"}"#] {
            #expect(try login(none, "r.io/a") == nil)
        }
    }

    @Test func whatCannotBeUsedIsSaid() throws {
        for (document, words) in [
            (#"{"auths":{"r.io":{"auth":"hush"}}}"#, "auths/r.io: auth/auth: is not base64"),
            (
                #"{"auths":{"r.io":{}},"credsStore":"desktop"}"#,
                "docker-credential-desktop keeps the login for r.io"
            ),
            (#"{"credHelpers":{"r.io":"ecr"}}"#, "docker-credential-ecr keeps"),
            (#"{"auths":{"r.io":"hush"}}"#, "/auths/r.io is not of the right type"),
            ("hush", "is not JSON"),
        ] {
            let error = #expect(throws: ImageError.self) { try login(document, "r.io/a") }
            #expect(error?.kind == .invalid)
            let said = error?.description ?? ""
            #expect(said.contains(words) && !said.contains("hush"), "\(said)")
        }
    }

    @Test func theyAreWherePodmanLooks() throws {
        let root = try TemporaryDirectory()
        let places = [
            "run/containers/auth.json", "home/.config/containers/auth.json", "home/.docker/config.json",
        ]
        let reference = try ImageReference("r.io/a")
        var environment = [
            "HOME": "\(root.path)/home", "XDG_RUNTIME_DIR": "\(root.path)/run", "DOCKER_CONFIG": "",
        ]
        func user(_ file: String? = nil) throws -> String? {
            try AuthFile.login(for: reference, file: file, environment: environment)?.username
        }
        #expect(try user() == nil)
        for place in places.reversed() {
            try root.write(place, #"{"auths":{"r.io":{"username":"\#(place)","password":"p"}}}"#)
            #expect(try user() == place)
        }
        // One that has none for this registry is passed over.
        try root.write(places[0], "{}")
        #expect(try user() == places[1])
        try root.write("docker/config.json", #"{"auths":{"r.io":{"username":"d","password":"p"}}}"#)
        environment["XDG_CONFIG_HOME"] = "\(root.path)/none"
        environment["DOCKER_CONFIG"] = "\(root.path)/docker"
        #expect(try user() == "d")
        environment["REGISTRY_AUTH_FILE"] = "\(root.path)/\(places[1])"
        #expect(try user() == places[1])
        #expect(try user("\(root.path)/docker/config.json") == "d")
        environment["REGISTRY_AUTH_FILE"] = "\(root.path)/gone"
        let error = #expect(throws: ImageError.self) { try user() }
        #expect(error?.kind == .notFound)
    }
}
