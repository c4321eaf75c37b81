import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1

/// One pull's conversation with the servers of its registry: which are asked for what, in which order, how often, and
/// with which credentials.
final class RegistrySession: Sendable {
    let reference: ImageReference
    private let credentials: RegistryCredentials?
    private let endpoints: [RegistryEndpoint]
    private let transport: RegistryTransport
    private let authorizer: RegistryAuthorizer
    let policy: RetryPolicy
    private let logger: Logger

    /// Reads what the directory says about the registry, and the certificates.
    init(
        _ reference: ImageReference, credentials: RegistryCredentials?, directory: RegistryDirectory,
        transport: RegistryTransport, authorizer: RegistryAuthorizer, policy: RetryPolicy, logger: Logger
    ) throws(ImageError) {
        (self.reference, self.credentials, self.policy) = (reference, credentials, policy)
        (self.transport, self.authorizer, self.logger) = (transport, authorizer, logger)
        let itself = RegistryHost.itself(reference.host).authority
        var endpoints: [RegistryEndpoint] = []
        let hosts = try directory.hosts(of: reference.host)
        for host in hosts {
            let isMirror = host.authority != itself && host.authority != reference.host
            // The last is the registry itself, wherever its file says that it is.
            let isRegistry = host.origin == hosts.last?.origin
            endpoints.append(try RegistryEndpoint(host, isMirror: isMirror, isRegistry: isRegistry))
        }
        self.endpoints = endpoints
    }

    // MARK: Documents

    /// A manifest, an index or a configuration, whose digest is as it is to be.
    struct Document: Sendable {
        var bytes: [UInt8]
        var digest: Digest
        /// What the registry calls it.
        var mediaType: String?
    }

    enum Kind: String, Sendable {
        case manifests
        case blobs
    }

    /// Of manifests (distribution-spec asks for 4 MiB at least) and of configurations.
    static let largestDocument = 8 << 20

    /// Fetches what the image's tag leads to, from servers that are trusted to say so.
    func resolve() async throws(ImageError) -> Document {
        try await document(.manifests, reference.selector, expected: nil, size: nil, from: .resolve)
    }

    /// Fetches a document by its digest.
    ///
    /// - Parameter size: what its descriptor says.
    func document(_ kind: Kind, _ digest: Digest, size: Int64?) async throws(ImageError) -> Document {
        try await document(kind, digest.description, expected: digest, size: size, from: .pull)
    }

    /// Asks for the digest that the image's tag leads to, without fetching anything.
    ///
    /// - Returns: nil if the server does not say.
    func resolvedDigest() async throws(ImageError) -> Digest? {
        let name = "look for \(reference)"
        return try await overEndpoints(.resolve, doing: name) {
            endpoint async throws(AttemptFailure) -> Digest? in
            var request = self.request(endpoint, .manifests, self.reference.selector, doing: name)
            request.method = .HEAD
            request.headers = [Self.accept]
            let response = try await self.send(request, to: endpoint)
            await self.transport.drain(response)
            return response.headers.first(name: "Docker-Content-Digest").flatMap { Digest($0) }
        }
    }

    private static let accept = RegistryHost.Header(
        name: "Accept", value: MediaType.acceptedManifests.joined(separator: ", "))

    private func document(
        _ kind: Kind, _ selector: String, expected: Digest?, size: Int64?,
        from capability: RegistryHost.Capabilities
    ) async throws(ImageError) -> Document {
        let name =
            "fetch \(kind == .manifests ? "manifest" : "configuration") \(selector) of \(reference.name)"
        let limit = Int(min(size ?? Int64(Self.largestDocument), Int64(Self.largestDocument)))
        if let size, size > Self.largestDocument {
            throw ImageError(
                .exhausted, doing: name, "it has \(size) bytes; the limit is \(Self.largestDocument)")
        }
        return try await overEndpoints(capability, doing: name) {
            endpoint async throws(AttemptFailure) -> Document in
            var request = self.request(endpoint, kind, selector, doing: name)
            if kind == .manifests { request.headers = [Self.accept] }
            let response = try await self.send(request, to: endpoint)
            let bytes: [UInt8]
            do {
                bytes = try await response.body.collect(upTo: limit, patience: self.transport.patience)
            } catch is NIOTooManyBytesError {
                throw AttemptFailure(
                    ImageError(
                        size == nil ? .exhausted : .corrupt, doing: name,
                        "it has more than \(size == nil ? "the limit of" : "its announced") \(limit) bytes"))
            } catch {
                throw AttemptFailure(transport: error, doing: name)
            }
            let digest = Digest(of: bytes)
            let announced = response.headers.first(name: "Docker-Content-Digest").flatMap { Digest($0) }
            // A digest of another algorithm is not for us to check.
            if let wanted = expected ?? announced, wanted != digest {
                throw AttemptFailure(
                    ImageError(.corrupt, doing: name, "what came has the digest \(digest), not \(wanted)"))
            }
            return Document(
                bytes: bytes, digest: digest, mediaType: response.headers.first(name: "Content-Type"))
        }
    }

    // MARK: Blobs

    /// A blob, or the rest of one, about to be received.
    struct Stream: Sendable {
        var body: HTTPClientResponse.Body
        /// How long the server may send next to nothing.
        var patience: TimeAmount
        /// Where in the blob it begins: where it was asked for, or at 0.
        var offset: Int64
    }

    /// Asks a server for a blob from `offset` on.
    ///
    /// - Throws: `corrupt` where what the server announces is not what the descriptor does.
    func open(
        _ descriptor: Descriptor, from offset: Int64, at endpoint: RegistryEndpoint, doing: String
    ) async throws(AttemptFailure) -> Stream {
        var request = request(endpoint, .blobs, descriptor.digest.description, doing: doing)
        // A blob is fetched as it is: its digest is that of the compressed bytes.
        request.headers = [.init(name: "Accept-Encoding", value: "identity")]
        if offset > 0 { request.headers.append(.init(name: "Range", value: "bytes=\(offset)-")) }
        let response = try await send(request, to: endpoint, accepting: offset > 0 ? [200, 206, 416] : [200])
        func refuse(_ reason: String) -> AttemptFailure {
            AttemptFailure(ImageError(.corrupt, doing: doing, reason))
        }
        if response.status.code == 416 {
            // What we have is no beginning of what is there: from the start, then.
            await transport.drain(response)
            return try await open(descriptor, from: 0, at: endpoint, doing: doing)
        }
        var begin: Int64 = 0
        if response.status.code == 206 {
            guard let range = Self.contentRange(response.headers.first(name: "Content-Range")),
                range.first == offset,
                range.size.map({ $0 == descriptor.size }) ?? true
            else { throw refuse("the server sends another part than it was asked for") }
            begin = offset
        }
        if let length = response.headers.first(name: "Content-Length").flatMap({ Int64($0) }),
            length > descriptor.size - begin || (begin == 0 && length != descriptor.size)
        {
            throw refuse(
                "the server announces \(length) bytes\(begin > 0 ? " from \(begin) on" : ""), the manifest \(descriptor.size)"
            )
        }
        return Stream(body: response.body, patience: transport.patience, offset: begin)
    }

    /// `bytes FIRST-LAST/SIZE`, SIZE maybe `*` (RFC 9110, section 14.4).
    static func contentRange(_ header: String?) -> (first: Int64, size: Int64?)? {
        guard let header, header.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = header.dropFirst("bytes ".count).split(separator: "/")
        guard parts.count == 2, let first = parts[0].split(separator: "-").first.flatMap({ Int64($0) }) else {
            return nil
        }
        if parts[1] == "*" { return (first, nil) }
        return Int64(parts[1]).map { (first, $0) }
    }

    // MARK: Servers

    /// Asks one server after the other, and those that failed for the time being again after a pause.
    ///
    /// - Throws: what the last server in the order said, with what the others did.
    func overEndpoints<Result: Sendable>(
        _ capability: RegistryHost.Capabilities, doing: String,
        _ ask: (RegistryEndpoint) async throws(AttemptFailure) -> Result
    ) async throws(ImageError) -> Result {
        var open = endpoints.filter { $0.host.capabilities.contains(capability) }
        guard !open.isEmpty else {
            let what = capability == .resolve ? "say what a tag means" : "be pulled from"
            throw ImageError(
                .invalid, doing: doing, "no server of \(reference.host) may \(what)",
                remedy: "add the capability to one in hosts.toml, or name the image by its digest")
        }
        var failures: [(endpoint: RegistryEndpoint, failure: AttemptFailure)] = []
        var stalled: Set<RegistryHost> = []
        for round in 0..<policy.rounds {
            var again: [RegistryEndpoint] = []
            var wish: Duration = .zero
            for endpoint in open {
                do throws(AttemptFailure) {
                    return try await ask(endpoint)
                } catch {
                    // A full disk is no server's fault; a document that is too large is.
                    let isFull = error.error.kind == .exhausted && error.error.failure.errno != nil
                    if error.error.kind == .cancelled || isFull { throw error.error }
                    logger.debug("\(endpoint.host.origin): \(error.error)")
                    failures.removeAll { $0.endpoint.host == endpoint.host }
                    failures.append((endpoint, error))
                    switch error.retry {
                    case .never: break
                    case .later(let wanted):
                        guard (wanted ?? .zero) <= policy.longestWish else { break }
                        again.append(endpoint)
                        wish = max(wish, wanted ?? .zero)
                    case .once:
                        if stalled.insert(endpoint.host).inserted { again.append(endpoint) }
                    }
                }
            }
            open = again
            if open.isEmpty || round == policy.rounds - 1 { break }
            do {
                try await Task.sleep(for: max(policy.pause(after: round), wish))
            } catch {
                throw .cancelled(doing)
            }
        }
        throw summary(failures, doing: doing)
    }

    private func summary(
        _ failures: [(endpoint: RegistryEndpoint, failure: AttemptFailure)], doing: String
    ) -> ImageError {
        // In the order of the file: the registry itself, which knows best, is last.
        let ordered = endpoints.compactMap { endpoint in
            failures.first { $0.endpoint.host == endpoint.host }
        }
        guard let last = ordered.last else { return .cancelled(doing) }
        var error = last.failure.error
        if case .later(let wish?) = last.failure.retry, wish > policy.longestWish {
            error.failure.remedy = "try again in \(wish.components.seconds) s, as the server asks"
        }
        if ordered.count > 1 {
            let others = ordered.dropLast().map {
                let said = $0.failure.error.failure
                return "\($0.endpoint.host.origin): \(said.reason.isEmpty ? said.description : said.reason)"
            }
            error.failure.reason += " (before that, \(others.joined(separator: "; ")))"
        }
        return error
    }

    private func request(
        _ endpoint: RegistryEndpoint, _ kind: Kind, _ selector: String, doing: String
    ) -> RegistryRequest {
        var url =
            endpoint.host.origin + endpoint.host.path
            + "/\(reference.repository)/\(kind.rawValue)/\(selector)"
        if endpoint.isMirror { url += "?ns=\(reference.host)" }
        return RegistryRequest(url: url, doing: "\(doing) from \(endpoint.host.origin)")
    }

    /// Sends a request, and once more with an authorization if it is challenged.
    private func send(
        _ request: RegistryRequest, to endpoint: RegistryEndpoint, accepting statuses: [UInt] = [200]
    ) async throws(AttemptFailure) -> HTTPClientResponse {
        let own = credentials.flatMap { credentials in
            credentials.areFor(
                endpoint.host.authority, of: reference.host, isRegistry: endpoint.isRegistry)
                ? credentials : nil
        }
        let purpose = RegistryAuthorizer.Purpose(
            origin: endpoint.host.origin, repository: reference.repository, credentials: own)
        var request = request
        request.authorization = authorizer.known(purpose)
        var answers = 0
        while true {
            let response = try await transport.send(request, to: endpoint)
            if statuses.contains(response.status.code) { return response }
            // The first answer may be one from before, which has ended; a fresh one that is refused is final.
            if response.status.code == 401, answers < 1 {
                let header = response.headers["WWW-Authenticate"].joined(separator: ", ")
                await transport.drain(response)
                answers += 1
                request.authorization = try await authorizer.answer(
                    AuthChallenge.parse(header), purpose, refused: request.authorization, from: endpoint,
                    doing: request.doing)
                continue
            }
            let body = (try? await response.body.collect(upTo: 1 << 16, patience: transport.patience)) ?? []
            throw ResponseFault.failure(
                status: response.status.code, headers: response.headers, body: body, doing: request.doing,
                hasCredentials: own != nil)
        }
    }
}
