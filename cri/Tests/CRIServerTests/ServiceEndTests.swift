import CRIProto
import CRIServer
import GRPCCore
import GRPCProtobuf
import Synchronization
import Testing

/// Calls that end before their handler has: deadlines, clients that go, a daemon that stops.
@Suite(.timeLimit(.minutes(1))) struct ServiceEndTests {
    typealias Runtime = ServiceClient.Runtime

    /// What a handler saw.
    private final class Seen: Sendable {
        let cancelled = Mutex(false)
        let remaining = Mutex<Duration?>(nil)
        let started: AsyncStream<Void>
        let ended: AsyncStream<Void>
        private let start: AsyncStream<Void>.Continuation
        private let end: AsyncStream<Void>.Continuation

        init() {
            (started, start) = AsyncStream.makeStream()
            (ended, end) = AsyncStream.makeStream()
        }

        /// Waits until it is cancelled, or for `time`.
        func handler(for time: Duration)
            -> @Sendable (Runtime_V1_ExecSyncRequest, CallContext) async throws -> Runtime_V1_ExecSyncResponse
        {
            { _, context in
                self.remaining.withLock { $0 = context.remaining }
                self.start.finish()
                defer { self.end.finish() }
                do { try await Task.sleep(for: time) } catch {
                    self.cancelled.withLock { $0 = true }
                    throw error
                }
                return .with { $0.exitCode = 7 }
            }
        }
    }

    private func execSync(_ client: ServiceClient, metadata: Metadata = [:], timeout: Duration? = nil)
        async throws -> Int32
    {
        try await client.call(
            Runtime.ExecSync.descriptor, Runtime_V1_ExecSyncRequest.with { $0.containerID = "c1" },
            answer: Runtime_V1_ExecSyncResponse.self, metadata: metadata, timeout: timeout
        ).exitCode
    }

    @Test func aDeadlineCancelsTheHandler() async throws {
        let (seen, log) = (Seen(), LogLines())
        var runtime = ScriptedRuntime()
        runtime.onExecSync = seen.handler(for: .seconds(30))
        try await withDaemon(runtime, log: log) { client, _, _ in
            let error = try await client.failure {
                _ = try await execSync(client, timeout: .milliseconds(200))
            }
            #expect(error?.code == .deadlineExceeded)
            for await _ in seen.ended {}
        }
        #expect(seen.cancelled.withLock { $0 })
        let remaining = try #require(seen.remaining.withLock { $0 })
        #expect(remaining > .zero && remaining <= .milliseconds(200))
        // The client's clock started first, and whether its farewell is before the deadline here is a race.
        let line = try #require(log.all.first { $0.contains("ExecSync") })
        #expect(line.contains("code=deadlineExceeded") || line.contains("code=cancelled"))
    }

    @Test func theDaemonItselfAnswersAtTheDeadline() async throws {
        // Without a deadline of the client's own making: only the header.
        let seen = Seen()
        var runtime = ScriptedRuntime()
        runtime.onExecSync = seen.handler(for: .seconds(30))
        try await withDaemon(runtime) { client, _, _ in
            let error = try await client.failure {
                _ = try await execSync(client, metadata: ["grpc-timeout": "100m"])
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.message.contains("the client's deadline passed after 0.1") == true)
        }
    }

    @Test(arguments: ["-5S", "5", "S", "123456789S", "5s", "+5S", "5.0S"])
    func aDeadlineThatIsNoneFailsTheCallAndNothingElse(_ text: String) async throws {
        try await withDaemon { client, _, _ in
            let error = try await client.failure {
                _ = try await execSync(client, metadata: ["grpc-timeout": "\(text)"])
            }
            #expect(error?.code == .internalError)
            #expect(error?.message.contains("grpc-timeout is \"\(text)\"") == true)
            let code = try await execSync(client)
            #expect(code == 0)
        }
    }

    @Test func aClientThatGoesCancelsTheHandler() async throws {
        let (seen, log) = (Seen(), LogLines())
        var runtime = ScriptedRuntime()
        runtime.onExecSync = seen.handler(for: .seconds(30))
        try await withDaemon(runtime, log: log) { client, _, _ in
            let call = Task { try await execSync(client) }
            for await _ in seen.started {}
            call.cancel()
            for await _ in seen.ended {}
            #expect(seen.remaining.withLock { $0 } == nil)
            _ = await call.result
        }
        #expect(seen.cancelled.withLock { $0 })
        #expect(log.all.contains { $0.contains("ExecSync") && $0.contains("code=cancelled") })
    }

    @Test func aStoppingDaemonLetsCallsEnd() async throws {
        let seen = Seen()
        var runtime = ScriptedRuntime()
        runtime.onExecSync = seen.handler(for: .milliseconds(300))
        try await withDaemon(runtime) { client, daemon, _ in
            let call = Task { try await execSync(client) }
            for await _ in seen.started {}
            daemon.stop(grace: .seconds(20))
            let code = try await call.value
            #expect(code == 7)
        }
        #expect(!seen.cancelled.withLock { $0 })
    }

    @Test func aStoppingDaemonEndsStreamsAtOnce() async throws {
        var runtime = ScriptedRuntime()
        runtime.events = [.with { $0.containerID = "c1" }]
        runtime.eventsGoOn = true
        let start = ContinuousClock.now
        try await withDaemon(runtime) { client, daemon, _ in
            let (ids, error) = try await client.events { daemon.stop(grace: .seconds(20)) }
            #expect(ids == ["c1"])
            #expect(error?.code == .unavailable)
        }
        #expect(ContinuousClock.now - start < .seconds(15))
    }

    @Test func aStoppingDaemonDoesNotWaitForEver() async throws {
        let seen = Seen()
        var runtime = ScriptedRuntime()
        runtime.onExecSync = seen.handler(for: .seconds(30))
        try await withDaemon(runtime) { client, daemon, _ in
            let call = Task { try await execSync(client) }
            for await _ in seen.started {}
            daemon.stop(grace: .milliseconds(100))
            let error = try await client.failure { _ = try await call.value }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("the daemon is being stopped") == true)
        }
        #expect(seen.cancelled.withLock { $0 })
    }
}

extension ServiceClient {
    /// The ids of all events, and what ended them.
    func events(_ onEach: @escaping @Sendable () -> Void = {}) async throws -> ([String], RPCError?) {
        try await client.serverStreaming(
            request: ClientRequest(message: Runtime_V1_GetEventsRequest()),
            descriptor: Runtime.GetContainerEvents.descriptor,
            serializer: ProtobufSerializer<Runtime_V1_GetEventsRequest>(),
            deserializer: ProtobufDeserializer<Runtime_V1_ContainerEventResponse>(), options: .defaults
        ) { response in
            var ids: [String] = []
            do {
                for try await message in response.messages {
                    ids.append(message.containerID)
                    onEach()
                }
            } catch let error as RPCError { return (ids, error) }
            return (ids, nil)
        }
    }
}
