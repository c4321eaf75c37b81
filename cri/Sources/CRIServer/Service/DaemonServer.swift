import Diagnosis
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Kernel
import Logging
import NIOPosix

/// Serves both services of the interface on one socket.
package final class DaemonServer: Sendable {
    /// The threads that read and write for clients; other users of SwiftNIO in the daemon may share them.
    package static let eventLoopThreads = 1
    /// What a message may have at most, in bytes: kubelet's own limit (16 MiB).
    package static let messageLimit = 16 << 20

    private let server: GRPCServer<DeadlineTransport<HTTP2Transport>>
    private let shutdown = Shutdown()
    private let logger: Logger
    private let ownPath: String?

    /// - Parameters:
    ///   - eventLoops: not the process's shared group, which has a thread for each processor.
    ///   - quiet: is told of calls that have ended.
    package init(
        runtime: any RuntimeService, images: any ImageService, socket: consuming ListeningSocket,
        eventLoops: MultiThreadedEventLoopGroup, quiet: QuietTime? = nil, logger: Logger
    ) {
        self.logger = logger
        ownPath = socket.ownPath
        var config = HTTP2Transport.Config.defaults
        config.rpc.maxRequestPayloadSize = Self.messageLimit
        // Calls come one at a time, and their clients wait for them.
        config.connection.flushCoalescing = nil
        // A request of a few MB in fewer round trips; a window costs nothing until it is filled.
        config.http2.targetWindowSize = 1 << 20
        // kubelet's connections are idle for long and die with it: on a unix socket there is nothing to find out by
        // pings. Those of clients are answered, as often as gRPC's own minimum allows.
        config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(10)
        config.connection.keepalive.clientBehavior.allowWithoutCalls = true
        let transport = HTTP2Transport(
            listeningSocketDescriptor: Int(socket.releaseDescriptor()), transportSecurity: .plaintext,
            config: config,
            eventLoopGroup: eventLoops)
        let services = ServiceRegistration(
            runtime: runtime, images: images,
            adapter: CallAdapter(logger: logger, shutdown: shutdown, quiet: quiet))
        server = GRPCServer(transport: DeadlineTransport(base: transport), services: [services])
    }

    /// Serves until ``stop(grace:)``, or until the task is cancelled: then calls are cancelled at once.
    ///
    /// - Parameter ready: is called when clients can connect.
    package func serve(ready: @Sendable () async -> Void = {}) async throws {
        defer { if let ownPath { try? FileTree.unlink(ownPath) } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.server.serve() }
            // Returns once the socket listens; if it cannot, serve() says why.
            if (try? await server.transport.base.listeningAddress) != nil { await ready() }
            try await group.waitForAll()
        }
    }

    /// Takes no more calls, lets those that run go on for `grace`, and then cancels them.
    package func stop(grace: Duration) {
        guard shutdown.begin(grace: grace) else { return }
        logger.info("stopping: running calls have \(grace.components.seconds) s to end")
        server.beginGracefulShutdown()
    }
}

extension ListeningSocket {
    fileprivate consuming func releaseDescriptor() -> Int32 { descriptor.release() }
}
