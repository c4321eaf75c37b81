import CRIProto
import CRIServer
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import Glibc
import Kernel
import Logging
import NIOPosix
import SwiftProtobuf
import Synchronization

/// The lines that a logger wrote.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func logger(_ level: Logger.Level = .trace, format: LineLogHandler.Format = .text) -> Logger {
        Logger(label: "test") { _ in
            LineLogHandler(format: format, level: level, journal: false) { line in
                self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
        }
    }
}

/// A client of the daemon, by the descriptors of the methods.
struct ServiceClient: Sendable {
    typealias Runtime = Runtime_V1_RuntimeService.Method
    typealias Images = Runtime_V1_ImageService.Method

    let client: GRPCClient<HTTP2ClientTransport.Posix>

    func call<Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message>(
        _ method: MethodDescriptor, _ request: Input, answer: Output.Type, metadata: Metadata = [:],
        timeout: Duration? = nil
    ) async throws -> Output {
        var options = CallOptions.defaults
        options.timeout = timeout
        return try await client.unary(
            request: ClientRequest(message: request, metadata: metadata), descriptor: method,
            serializer: ProtobufSerializer<Input>(), deserializer: ProtobufDeserializer<Output>(),
            options: options
        ) { try $0.message }
    }

    /// The error that a call ends with; nil if it does not fail.
    func failure(_ body: () async throws -> Void) async throws -> RPCError? {
        do { try await body() } catch let error as RPCError { return error }
        return nil
    }
}

/// Of all daemons and clients here: what they close late must still find it.
private let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// Serves in a directory of its own, gives a client to `body`, and stops.
func withDaemon<Result: Sendable>(
    _ runtime: ScriptedRuntime = ScriptedRuntime(), _ images: ScriptedImages = ScriptedImages(),
    log: LogLines = LogLines(), grace: Duration = .seconds(2),
    _ body: @Sendable @escaping (ServiceClient, DaemonServer, String) async throws -> Result
) async throws -> Result {
    let directory = try temporaryDirectory()
    defer { try? FileTree.removeDirectory(directory) }
    let path = directory + "/cri.sock"
    let daemon = DaemonServer(
        runtime: runtime, images: images, socket: try .bind(path, mode: 0o600), eventLoops: loops,
        logger: log.logger())
    let (ready, setReady) = AsyncStream<Void>.makeStream()
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await daemon.serve { setReady.finish() } }
        for await _ in ready {}
        let client = GRPCClient(
            transport: try HTTP2ClientTransport.Posix(
                target: .unixDomainSocket(path: path), transportSecurity: .plaintext, eventLoopGroup: loops))
        group.addTask { try await client.runConnections() }
        let result: Result
        do { result = try await body(ServiceClient(client: client), daemon, path) } catch {
            client.beginGracefulShutdown()
            daemon.stop(grace: .zero)
            throw error
        }
        client.beginGracefulShutdown()
        daemon.stop(grace: grace)
        try await group.waitForAll()
        return result
    }
}

func temporaryDirectory() throws -> String {
    var template = Array("/tmp/apus-cri-XXXXXX\0".utf8CString)
    guard mkdtemp(&template) != nil else {
        throw RPCError(code: .internalError, message: "mkdtemp: \(errno)")
    }
    return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
