import CRIProto
import CRIServer
import Diagnosis
import Foundation
import Testing

/// What api.proto marks debug_redact is neither in the log nor in an answer.
@Suite(.timeLimit(.minutes(1))) struct ServiceSecretTests {
    private static let secrets = ["pa55-word", "auth-pa55", "identity-t0ken", "registry-t0ken"]

    private static var request: Runtime_V1_PullImageRequest {
        .with {
            $0.image.image = "registry.example/app:1"
            $0.auth.username = "user"
            $0.auth.password = secrets[0]
            $0.auth.auth = Data("user:\(secrets[1])".utf8).base64EncodedString()
            $0.auth.identityToken = secrets[2]
            $0.auth.registryToken = secrets[3]
        }
    }

    /// As a library does that quotes all it was given.
    private struct Blabber: Error, CustomStringConvertible {
        let description: String
    }

    @Test(arguments: [LineLogHandler.Format.text, .json])
    func aFailingPullShowsNone(_ format: LineLogHandler.Format) async throws {
        let log = LogLines()
        var images = ScriptedImages()
        images.onPull = { request in
            throw Blabber(
                description: "cannot do \(request), with \(Self.secrets.joined(separator: " and "))")
        }
        let error = try await withDaemon(ScriptedRuntime(), images, log: log) { client, _, _ in
            try await client.failure {
                _ = try await client.call(
                    ServiceClient.Images.PullImage.descriptor, Self.request,
                    answer: Runtime_V1_PullImageResponse.self)
            }
        }
        let message = try #require(error?.message)
        #expect(log.all.contains { $0.contains("PullImage") && $0.contains("registry.example/app:1") })
        for secret in Self.secrets + [Self.request.auth.auth] {
            #expect(!message.contains(secret))
            #expect(!log.all.contains { $0.contains(secret) })
        }
        #expect(message.contains("(secret)"))
    }

    @Test func aPullThatSucceedsShowsNone() async throws {
        let log = LogLines()
        try await withDaemon(log: log) { client, _, _ in
            _ = try await client.call(
                ServiceClient.Images.PullImage.descriptor, Self.request,
                answer: Runtime_V1_PullImageResponse.self)
        }
        #expect(
            log.all.contains {
                $0.contains(" debug PullImage ") && $0.contains("image=registry.example/app:1")
            })
        for secret in Self.secrets { #expect(!log.all.contains { $0.contains(secret) }) }
    }
}
