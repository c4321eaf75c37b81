import Logging

/// What a handler knows of its call beside the request.
///
/// That the call is to end early, because its client has gone, its deadline has passed or the daemon is being stopped, is
/// told by the cancellation of the handler's task.
package struct CallContext: Sendable {
    /// The name of the call: `RunPodSandbox`.
    package let method: String
    /// A number that no other call of this daemon has; it is in the log.
    package let id: UInt64
    /// The client, as the transport calls it: `unix:…`.
    package let peer: String
    /// When the client stops waiting (`grpc-timeout`); nil if it did not say.
    package let deadline: ContinuousClock.Instant?
    /// Writes lines that say which call they belong to.
    package let logger: Logger

    package init(
        method: String, id: UInt64 = 0, peer: String = "", deadline: ContinuousClock.Instant? = nil,
        logger: Logger
    ) {
        self.method = method
        self.id = id
        self.peer = peer
        self.deadline = deadline
        self.logger = logger
    }

    /// How long the client still waits, zero if no longer; nil if it did not say.
    package var remaining: Duration? {
        deadline.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
    }
}

/// Where a call with many responses puts them, in their order.
package struct Responses<Message: Sendable>: Sendable {
    private let write: @Sendable (Message) async throws -> Void

    package init(_ write: @escaping @Sendable (Message) async throws -> Void) { self.write = write }

    /// Waits until there is room for it.
    ///
    /// - Throws: if the client has gone.
    package func send(_ message: Message) async throws { try await write(message) }
}
