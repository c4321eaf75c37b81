import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import SwiftProtobuf

/// The transport of the daemon: HTTP/2 over a unix socket, without TLS.
typealias HTTP2Transport = HTTP2ServerTransport.Posix

/// A router, and how handlers of our own kind are registered with it.
struct CallRegistrar<Transport: ServerTransport> {
    private(set) var router: RPCRouter<Transport>
    let adapter: CallAdapter

    init(router: RPCRouter<Transport>, adapter: CallAdapter) {
        self.router = router
        self.adapter = adapter
    }

    /// A call with one response.
    mutating func unary<Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message>(
        _ method: MethodDescriptor, _ handler: @escaping @Sendable (Input, CallContext) async throws -> Output
    ) {
        router.registerHandler(
            forMethod: method, deserializer: ProtobufDeserializer<Input>(),
            serializer: ProtobufSerializer<Output>()
        ) { [adapter] request, server in
            let output = try await adapter.run(request, server, handler: handler)
            return StreamingServerResponse { writer in
                try await writer.write(output)
                return [:]
            }
        }
    }

    /// A call with any number of responses.
    mutating func stream<Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message>(
        _ method: MethodDescriptor,
        _ handler: @escaping @Sendable (Input, CallContext, Responses<Output>) async throws -> Void
    ) {
        router.registerHandler(
            forMethod: method, deserializer: ProtobufDeserializer<Input>(),
            serializer: ProtobufSerializer<Output>()
        ) { [adapter] request, server in
            StreamingServerResponse { writer in
                let responses = Responses<Output> { try await writer.write($0) }
                // Some have no end of their own, such as the stream of events.
                try await adapter.run(request, server, mayFinish: false) {
                    try await handler($0, $1, responses)
                }
                return [:]
            }
        }
    }
}
