import GRPCCore

/// The header that says how long a client waits (grpc/doc/PROTOCOL-HTTP2.md, "Timeout"): at most eight digits, and a unit.
struct DeadlineHeader: Equatable, Sendable {
    let timeout: Duration

    /// Nil if it is no such thing.
    init?(_ text: String) {
        let digits = text.utf8.dropLast()
        guard (1...8).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let amount = Int64(text.dropLast()), let unit = text.last
        else { return nil }
        switch unit {
        case "H": timeout = .seconds(amount * 3600)
        case "M": timeout = .seconds(amount * 60)
        case "S": timeout = .seconds(amount)
        case "m": timeout = .milliseconds(amount)
        case "u": timeout = .microseconds(amount)
        case "n": timeout = .nanoseconds(amount)
        default: return nil
        }
    }
}

/// A transport that keeps deadlines from grpc-swift, and for ``CallAdapter``.
///
/// grpc-swift has none of the reasons for which it cancels a call, and stops the process over a `grpc-timeout` below zero.
struct DeadlineTransport<Base: ServerTransport>: ServerTransport {
    typealias Bytes = Base.Bytes

    /// Where the header is moved to; what a client sends by this name is dropped.
    static var key: String { "apus-grpc-timeout" }

    let base: Base

    func configure(context: GRPCServerContext) { base.configure(context: context) }

    func listen(
        streamHandler: @escaping @Sendable (RPCStream<Inbound, Outbound>, ServerContext) async -> Void
    ) async throws {
        try await base.listen { stream, context in
            var stream = stream
            stream.inbound = RPCAsyncSequence(wrapping: stream.inbound.map { Self.moved($0) })
            await streamHandler(stream, context)
        }
    }

    func beginGracefulShutdown() { base.beginGracefulShutdown() }

    @Sendable private static func moved(_ part: RPCRequestPart<Bytes>) -> RPCRequestPart<Bytes> {
        guard case .metadata(var metadata) = part else { return part }
        let timeouts = Array(metadata[stringValues: "grpc-timeout"])
        metadata.removeAllValues(forKey: "grpc-timeout")
        metadata.removeAllValues(forKey: key)
        for timeout in timeouts { metadata.addString(timeout, forKey: key) }
        return .metadata(metadata)
    }
}
