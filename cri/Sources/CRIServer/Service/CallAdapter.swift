import GRPCCore
import Logging
import Synchronization

/// Runs handlers for grpc-swift: makes their context, cancels them, maps what they throw, and writes the log of calls.
struct CallAdapter: Sendable {
    let logger: Logger
    let shutdown: Shutdown
    let quiet: QuietTime?
    private let numbers = CallNumbers()

    init(logger: Logger, shutdown: Shutdown, quiet: QuietTime?) {
        self.logger = logger
        self.shutdown = shutdown
        self.quiet = quiet
    }

    /// What ended a call before its handler did.
    private enum Ending: Sendable { case deadline, clientGone, stopping }

    private enum Event<Output: Sendable>: Sendable {
        case finished(Result<Output, any Error>)
        case ended(Ending)
    }

    /// A call of one request: `handler` is run in a task of its own, which is cancelled at the deadline, when the client
    /// goes, and at the end of a stopping daemon's grace.
    ///
    /// - Parameter mayFinish: whether there is such a grace; else the call ends as soon as the daemon is stopped.
    func run<Input: Sendable, Output: Sendable>(
        _ request: StreamingServerRequest<Input>, _ server: ServerContext, mayFinish: Bool = true,
        handler: @escaping @Sendable (Input, CallContext) async throws -> Output
    ) async throws(RPCError) -> Output {
        let start = ContinuousClock.now
        let record = CallRecord(method: server.descriptor.method, id: numbers.next(), start: start)
        let message: Input
        let deadline: ContinuousClock.Instant?
        do {
            deadline = try Self.deadline(request.metadata, after: start)
            message = try await ServerRequest(stream: request).message
        } catch {
            let error = Self.unreadable(error)
            record.failed(error, subject: [:], to: logger)
            throw RPCError(error)
        }

        var callLogger = logger
        callLogger[metadataKey: "call"] = "\(record.id)"
        let context = CallContext(
            method: record.method, id: record.id, peer: server.remotePeer, deadline: deadline,
            logger: callLogger)
        let secrets = Secrets(in: message)
        let subject = CallSubject.of(message)

        let (result, ending) = await withTaskGroup(of: Event<Output>.self) { group in
            group.addTask {
                do { return .finished(.success(try await handler(message, context))) } catch {
                    return .finished(.failure(error))
                }
            }
            watch(server.cancellation, until: deadline, mayFinish: mayFinish, in: &group)
            var ending: Ending?
            while let event = await group.next() {
                switch event {
                case .finished(let result):
                    group.cancelAll()
                    return (result, ending)
                case .ended(let why):
                    if ending == nil { ending = why }
                    group.cancelAll()
                }
            }
            // Not reached: the handler's task always says that it has finished.
            return (.failure(CancellationError()), ending)
        }
        quiet?.ended(record.method)
        switch result {
        case .success(let output):
            record.succeeded(subject: subject, to: logger)
            return output
        case .failure(let error):
            var error = CRIError(error)
            if error.code == .cancelled, let ending {
                error = Self.explained(error, ending, after: ContinuousClock.now - start)
            }
            error = secrets.hidden(in: error)
            record.failed(error, subject: subject, to: logger)
            throw RPCError(error)
        }
    }

    /// The error of a request that never became a message.
    private static func unreadable(_ error: any Error) -> CRIError {
        if let error = error as? CRIError { return error }
        guard let error = error as? RPCError else {
            return CRIError(.internal, "cannot read the request: \(error)")
        }
        let code: CRIError.Code =
            switch error.code {
            case .invalidArgument: .invalidArgument
            case .resourceExhausted: .resourceExhausted
            default: .internal
            }
        return CRIError(code, "cannot read the request: \(error.message)")
    }

    /// Adds tasks that say when the call is to end early. They end, too, when the group is cancelled.
    private func watch<Output>(
        _ cancellation: ServerContext.RPCCancellationHandle, until deadline: ContinuousClock.Instant?,
        mayFinish: Bool, in group: inout TaskGroup<Event<Output>>
    ) {
        if let deadline {
            group.addTask {
                let passed = (try? await Task.sleep(until: deadline, clock: .continuous)) != nil
                return .ended(passed ? .deadline : .stopping)
            }
        }
        group.addTask {
            try? await cancellation.cancelled
            // The transport also cancels when it is told to stop, at once.
            guard let end = shutdown.callsEnd else { return .ended(.clientGone) }
            if mayFinish { try? await Task.sleep(until: end, clock: .continuous) }
            return .ended(.stopping)
        }
    }

    private static func deadline(
        _ metadata: Metadata, after start: ContinuousClock.Instant
    ) throws(CRIError) -> ContinuousClock.Instant? {
        guard
            let text = metadata[stringValues: DeadlineTransport<HTTP2Transport>.key].first(where: { _ in true
            })
        else { return nil }
        guard let header = DeadlineHeader(text) else {
            throw CRIError(.internal, "the header grpc-timeout is \"\(text.prefix(32))\", which is no time")
        }
        return start + header.timeout
    }

    /// A handler that was cancelled does not know why.
    private static func explained(_ error: CRIError, _ ending: Ending, after time: Duration) -> CRIError {
        var error = error
        switch ending {
        case .clientGone: return error
        case .deadline:
            error.code = .deadlineExceeded
            error.failure.remedy = "the client's deadline passed after \(CallRecord.seconds(time)) s"
        case .stopping:
            error.code = .unavailable
            error.failure.remedy = "the daemon is being stopped: try again"
        }
        return error
    }
}

/// Numbers calls, from 1.
private final class CallNumbers: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
}

extension RPCError {
    /// A status's message goes in a header, which has a limit (RFC 9113, section 10.5.1).
    private static var messageLimit: Int { 8192 }

    init(_ error: CRIError) {
        var text = error.message
        if text.utf8.count > Self.messageLimit {
            text = String(decoding: text.utf8.prefix(Self.messageLimit), as: UTF8.self) + "…"
        }
        self.init(code: RPCError.Code(error.code), message: text)
    }
}

extension RPCError.Code {
    init(_ code: CRIError.Code) {
        switch code {
        case .cancelled: self = .cancelled
        case .unknown: self = .unknown
        case .invalidArgument: self = .invalidArgument
        case .deadlineExceeded: self = .deadlineExceeded
        case .notFound: self = .notFound
        case .alreadyExists: self = .alreadyExists
        case .permissionDenied: self = .permissionDenied
        case .resourceExhausted: self = .resourceExhausted
        case .failedPrecondition: self = .failedPrecondition
        case .aborted: self = .aborted
        case .unimplemented: self = .unimplemented
        case .internal: self = .internalError
        case .unavailable: self = .unavailable
        case .unauthenticated: self = .unauthenticated
        }
    }
}
