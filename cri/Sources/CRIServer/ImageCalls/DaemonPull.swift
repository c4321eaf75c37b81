import CRIProto
import Diagnosis
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import Images
import NIOPosix

/// Asks the daemon that runs, by its socket, to pull.
package enum DaemonPull {
    /// - Parameters:
    ///   - image: a reference as people write it.
    ///   - login: for the registry; nil if there is none.
    ///   - socket: the path that the daemon listens on.
    /// - Returns: the image's id.
    /// - Throws: a `Failure` with what the daemon said, or that it does not answer.
    package static func pull(
        _ image: String, _ login: RegistryLogin?, through socket: String
    ) async throws -> String {
        let doing = "pull \(image) through the daemon on \(socket)"
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = GRPCClient(
            transport: try HTTP2ClientTransport.Posix(
                target: .unixDomainSocket(path: socket), transportSecurity: .plaintext, eventLoopGroup: loops)
        )
        var options = CallOptions.defaults
        // Nobody listens there: that is the answer, and not to be waited for.
        options.waitForReady = false
        let request = ClientRequest(
            message: Runtime_V1_PullImageRequest.with {
                $0.image.image = image
                if let login { $0.auth = Runtime_V1_AuthConfig(login) }
            })
        do {
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.runConnections() }
                defer { client.beginGracefulShutdown() }
                return try await client.unary(
                    request: request, descriptor: Runtime_V1_ImageService.Method.PullImage.descriptor,
                    serializer: ProtobufSerializer<Runtime_V1_PullImageRequest>(),
                    deserializer: ProtobufDeserializer<Runtime_V1_PullImageResponse>(), options: options
                ) { try $0.message.imageRef }
            }
        } catch let error as RPCError where error.code == .unavailable {
            throw Failure(
                doing: doing, reason: "it does not answer: \(error.message)",
                remedy: "give its socket by --socket, or stop it")
        } catch let error as RPCError {
            throw Failure(doing: doing, reason: error.message)
        }
    }
}
