import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// A server of a pull's, with its certificates read.
struct RegistryEndpoint: Sendable {
    var host: RegistryHost
    /// nil: as the system has it.
    var tls: TLSConfiguration?
    /// Not the registry itself: then it is told whose image it is asked for.
    var isMirror: Bool
    /// The registry itself, be it under another name: what is for the one is for the other.
    var isRegistry: Bool

    /// Reads the certificates.
    init(_ host: RegistryHost, isMirror: Bool, isRegistry: Bool) throws(ImageError) {
        self.host = host
        self.isMirror = isMirror
        self.isRegistry = isRegistry
        guard host.isSecure, host.tls != RegistryHost.TLS() else { return }
        var tls = TLSConfiguration.makeClientConfiguration()
        if host.tls.skipVerify { tls.certificateVerification = .none }
        for file in host.tls.authorities {
            let certificates = try Self.reading(file) { try NIOSSLCertificate.fromPEMFile(file) }
            tls.additionalTrustRoots.append(.certificates(certificates))
        }
        if let pair = host.tls.client {
            let chain = try Self.reading(pair.certificate) {
                try NIOSSLCertificate.fromPEMFile(pair.certificate)
            }
            let file = pair.key ?? pair.certificate
            let key = try Self.reading(file) { try NIOSSLPrivateKey(file: file, format: .pem) }
            tls.certificateChain = chain.map { .certificate($0) }
            tls.privateKey = .privateKey(key)
        }
        self.tls = tls
    }

    private static func reading<Result>(_ file: String, _ read: () throws -> Result) throws(ImageError)
        -> Result
    {
        do {
            return try read()
        } catch {
            throw ImageError(.invalid, doing: "read \(file)", "it has no certificate or key in PEM: \(error)")
        }
    }
}

/// A request to a server, or to the token server that it named.
struct RegistryRequest: Sendable {
    var method: HTTPMethod = .GET
    var url: String
    /// For messages, without a query.
    var doing: String
    var headers: [RegistryHost.Header] = []
    /// Never goes to another server than that of `url`.
    var authorization: String?
    var body: [UInt8]?
}

/// Connections to registries: HTTP/1.1 and, where a server offers it, HTTP/2, with bodies that are received as fast as
/// they are used.
final class RegistryTransport: Sendable {
    private let proxies: ProxySettings
    private let logger: Logger
    /// How long a server may be silent, or send next to nothing.
    let patience: TimeAmount
    private let clients = Mutex<[Kind: HTTPClient]>([:])

    /// What a client has for all of its requests. Certificates are each request's own.
    private struct Kind: Hashable {
        var proxy: Proxy?
        var dialTimeout: Int
    }

    private static let mostRedirects = 10

    init(proxies: ProxySettings, patience: TimeAmount, logger: Logger) {
        (self.proxies, self.patience, self.logger) = (proxies, patience, logger)
    }

    /// Closes all connections. No request may come after it.
    func shutDown() async {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        // It fails where it has been done before, and that is as good.
        for client in all { try? await client.shutdown() }
    }

    deinit {
        // Clients want to be shut down in any case; who forgets shutDown() still gets it.
        for client in clients.withLock({ Array($0.values) }) { client.shutdown(queue: .global()) { _ in } }
    }

    /// Sends a request and follows redirects. The body of the response is not read yet.
    func send(
        _ request: RegistryRequest, to endpoint: RegistryEndpoint
    ) async throws(AttemptFailure) -> HTTPClientResponse {
        guard var url = URL(string: request.url), let first = Origin(url) else {
            throw AttemptFailure(ImageError(.invalid, doing: request.doing, "the server's URL is none"))
        }
        for _ in 0...Self.mostRedirects {
            let isFirst = Origin(url) == first
            let response = try await send(request, to: url, endpoint, isFirst: isFirst)
            guard [301, 302, 303, 307, 308].contains(response.status.code), request.method != .POST,
                let location = response.headers.first(name: "Location")
            else { return response }
            await drain(response)
            guard let next = URL(string: location, relativeTo: url)?.absoluteURL, let target = Origin(next)
            else {
                throw AttemptFailure(
                    ImageError(.unavailable, doing: request.doing, "redirects to what is no URL of a server"))
            }
            guard target.isSecure || !(Origin(url)?.isSecure ?? true) else {
                throw AttemptFailure(
                    ImageError(
                        .unavailable, doing: request.doing,
                        "redirects from https to http, to \(target), which is not followed"))
            }
            url = next
        }
        throw AttemptFailure(
            ImageError(.unavailable, doing: request.doing, "redirects more than \(Self.mostRedirects) times"))
    }

    private func send(
        _ request: RegistryRequest, to url: URL, _ endpoint: RegistryEndpoint, isFirst: Bool
    ) async throws(AttemptFailure) -> HTTPClientResponse {
        guard let origin = Origin(url) else { throw .cancelled(request.doing) }
        // What hosts.toml has for a server is for it alone: not for a token server elsewhere, nor for where it keeps its
        // blobs. These are believed as it is, though, by the same authorities or unseen: one who can pose as the
        // registry needs no token server.
        let isOwn = origin == URL(string: endpoint.host.origin).flatMap { Origin($0) }
        var message = HTTPClientRequest(url: url.absoluteString)
        message.method = request.method
        message.headers.add(name: "User-Agent", value: "apus-cri")
        for header in request.headers { message.headers.replaceOrAdd(name: header.name, value: header.value) }
        message.tlsConfiguration = endpoint.tls
        if isOwn {
            for header in endpoint.host.headers {
                message.headers.add(name: header.name, value: header.value)
            }
        }
        if isFirst, let authorization = request.authorization {
            message.headers.replaceOrAdd(name: "Authorization", value: authorization)
        }
        if !isOwn {
            message.tlsConfiguration?.certificateChain = []
            message.tlsConfiguration?.privateKey = nil
        }
        if let body = request.body { message.body = .bytes(ByteBuffer(bytes: body)) }
        let proxy =
            endpoint.host.proxy ?? proxies.proxy(isSecure: origin.isSecure, authority: origin.authority)
        let client = client(Kind(proxy: proxy, dialTimeout: endpoint.host.dialTimeout))
        logger.trace("\(request.method) \(origin)\(url.path)")
        do {
            return try await client.execute(message, deadline: .now() + patience)
        } catch {
            throw AttemptFailure(transport: error, doing: request.doing)
        }
    }

    /// Reads what little there is of a body that nobody wants, so that the connection can be used again.
    func drain(_ response: HTTPClientResponse) async {
        _ = try? await response.body.collect(upTo: 1 << 16, patience: patience)
    }

    private func client(_ kind: Kind) -> HTTPClient {
        clients.withLock { clients in
            if let known = clients[kind] { return known }
            var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
            configuration.timeout.connect = .milliseconds(Int64(kind.dialTimeout))
            configuration.timeout.read = patience
            // A server that refuses connections is not waited for: there may be another.
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
            configuration.connectionPool.idleTimeout = .seconds(15)
            if let proxy = kind.proxy {
                let authorization = proxy.basic.map { HTTPClient.Authorization.basic(credentials: $0) }
                configuration.proxy =
                    proxy.kind == .http
                    ? .server(host: proxy.host, port: proxy.port, authorization: authorization)
                    : .socksServer(host: proxy.host, port: proxy.port)
            }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[kind] = client
            return client
        }
    }
}

/// Who answers under a URL: what a token is for, and what it must not leave.
struct Origin: Hashable, Sendable, CustomStringConvertible {
    let isSecure: Bool
    let host: String
    let port: Int

    init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), scheme == "https" || scheme == "http",
            let host = url.host, !host.isEmpty
        else { return nil }
        isSecure = scheme == "https"
        self.host = host.trimmingCharacters(in: ["[", "]"]).lowercased()
        port = url.port ?? (isSecure ? 443 : 80)
    }

    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
    var description: String { (isSecure ? "https://" : "http://") + authority }
}
