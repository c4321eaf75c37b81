import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A registry in this process, on the loopback device, which answers as a test wants it.
final class FakeRegistry: Sendable {
    struct Request: Sendable {
        var method: HTTPMethod
        /// Without the query.
        var path: String
        var query: String
        var headers: HTTPHeaders
        var body: String
        /// How many requests came before this one, for the same path.
        var earlier: Int

        var authorization: String? { headers.first(name: "Authorization") }
        /// The first byte that is asked for.
        var rangeStart: Int? {
            headers.first(name: "Range").flatMap { $0.dropFirst("bytes=".count).split(separator: "-").first }
                .flatMap { Int($0) }
        }
    }

    struct Reply: Sendable {
        var status: HTTPResponseStatus = .ok
        var headers: [(String, String)] = []
        var body: [UInt8] = []
        /// Closes the connection after so many bytes of the body.
        var cutAfter: Int?
        /// Sends so many bytes of the body, and then nothing until ``FakeRegistry/release()``.
        var holdAfter: Int?
        /// Sends a byte of the body at a time, each so many milliseconds.
        var dribble: Int64?
        /// The body comes in chunks, without a length.
        var isChunked = false

        static func status(_ status: HTTPResponseStatus, _ headers: [(String, String)] = []) -> Reply {
            Reply(status: status, headers: headers)
        }
    }

    typealias Answer = @Sendable (Request) -> Reply

    private struct State {
        var requests: [Request] = []
        var isReleased = false
        var held: [@Sendable () -> Void] = []
        var cut = 0
    }

    private let state = Mutex(State())
    private let channel: any Channel
    private let answerBox: Mutex<Answer>

    /// `127.0.0.1:PORT`.
    let authority: String
    var requests: [Request] { state.withLock { $0.requests } }
    /// How many connections went away while a reply was held up.
    var cut: Int { state.withLock { $0.cut } }

    init(
        tls: TLSConfiguration? = nil, _ answer: @escaping Answer = { _ in .status(.notFound) }
    ) async throws {
        answerBox = Mutex(answer)
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let owner = Mutex<FakeRegistry?>(nil)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 64)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    guard let registry = owner.withLock({ $0 }) else { throw ChannelError.ioOnClosedChannel }
                    try channel.pipeline.syncOperations.addHandler(Handler(registry))
                }
            }
        channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        authority = "127.0.0.1:\(channel.localAddress?.port ?? 0)"
        owner.withLock { $0 = self }
    }

    /// What to answer from now on.
    func answer(_ answer: @escaping Answer) { answerBox.withLock { $0 = answer } }

    /// Lets held replies go on, these and later ones.
    func release() {
        let held = state.withLock { state in
            state.isReleased = true
            defer { state.held = [] }
            return state.held
        }
        for go in held { go() }
    }

    func close() async throws { try await channel.close() }

    func count(_ part: String) -> Int { requests.filter { $0.path.contains(part) }.count }

    fileprivate func reply(to request: Request) -> Reply {
        var request = request
        state.withLock { state in
            request.earlier = state.requests.filter { $0.path == request.path }.count
            state.requests.append(request)
        }
        return answerBox.withLock { $0 }(request)
    }

    fileprivate func hold(_ go: @escaping @Sendable () -> Void) {
        let isReleased = state.withLock { state in
            if !state.isReleased { state.held.append(go) }
            return state.isReleased
        }
        if isReleased { go() }
    }

    fileprivate func wasCut() { state.withLock { $0.cut += 1 } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let registry: FakeRegistry
        private var head: HTTPRequestHead?
        private var body = ""
        private var isHolding = false

        init(_ registry: FakeRegistry) { self.registry = registry }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let part): body += String(buffer: part)
            case .end:
                guard let head else { return }
                let parts = head.uri.split(separator: "?", maxSplits: 1).map(String.init)
                let request = Request(
                    method: head.method, path: parts[0], query: parts.count > 1 ? parts[1] : "",
                    headers: head.headers, body: body, earlier: 0)
                send(registry.reply(to: request), to: head.method, context)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            if isHolding { registry.wasCut() }
            context.fireChannelInactive()
        }

        private func send(_ reply: Reply, to method: HTTPMethod, _ context: ChannelHandlerContext) {
            var headers = HTTPHeaders(reply.headers)
            if !reply.isChunked, !headers.contains(name: "Content-Length") {
                headers.add(name: "Content-Length", value: "\(reply.body.count)")
            }
            let head = HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            let body = method == .HEAD ? [] : reply.body
            let all = reply.dribble == nil ? body.count : 0
            let first = min(reply.cutAfter ?? reply.holdAfter ?? all, body.count)
            if first > 0 {
                context.write(
                    wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body[..<first])))), promise: nil)
            }
            if let pause = reply.dribble {
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                context.flush()
                let rest = NIOLoopBoundBox(body[...], eventLoop: context.eventLoop)
                context.eventLoop.scheduleRepeatedTask(
                    initialDelay: .milliseconds(pause), delay: .milliseconds(pause)
                ) { task in
                    let (handler, context) = bound.value
                    guard context.channel.isActive, let byte = rest.value.popFirst() else {
                        return task.cancel()
                    }
                    let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: [byte])))
                    context.writeAndFlush(handler.wrapOutboundOut(part), promise: nil)
                }
            } else if reply.cutAfter != nil {
                let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
                context.flush()
                context.eventLoop.scheduleTask(in: .milliseconds(150)) { bound.value.close(promise: nil) }
            } else if reply.holdAfter != nil {
                context.flush()
                isHolding = true
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                let loop = context.eventLoop
                registry.hold {
                    loop.execute {
                        let (handler, context) = bound.value
                        handler.isHolding = false
                        guard context.channel.isActive else { return }
                        let rest = ByteBuffer(bytes: body[first...])
                        context.write(handler.wrapOutboundOut(.body(.byteBuffer(rest))), promise: nil)
                        context.writeAndFlush(handler.wrapOutboundOut(.end(nil)), promise: nil)
                    }
                }
            } else {
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
