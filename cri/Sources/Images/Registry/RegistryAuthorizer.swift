import AsyncHTTPClient
import Foundation
import Synchronization

/// Answers challenges: gets tokens from token servers (distribution, "Token Authentication"), and keeps them while they
/// are good.
final class RegistryAuthorizer: Sendable {
    /// What an authorization is good for.
    struct Purpose: Hashable, Sendable {
        /// The server, `https://HOST`.
        var origin: String
        var repository: String
        var credentials: RegistryCredentials?
    }

    private struct Entry: Sendable {
        var header: String
        var expires: ContinuousClock.Instant
    }

    private let entries = Mutex<[Purpose: Entry]>([:])
    private let transport: RegistryTransport

    /// What tokens are good for where the token server does not say (distribution, "Token Response Fields").
    private static let usualLife = 60
    private static let largestAnswer = 1 << 20

    init(transport: RegistryTransport) { self.transport = transport }

    /// The value for an Authorization header that is known to be wanted.
    func known(_ purpose: Purpose) -> String? {
        if case .registryToken(let token)? = purpose.credentials?.secret { return "Bearer \(token)" }
        return entries.withLock { entries in
            guard let entry = entries[purpose], entry.expires > .now else { return nil }
            return entry.header
        }
    }

    /// Answers the challenges that came with "401 Unauthorized".
    ///
    /// - Parameter refused: the value that was refused, if one was sent.
    /// - Throws: `denied` where there is no answer to them.
    func answer(
        _ challenges: [AuthChallenge], _ purpose: Purpose, refused: String?, from endpoint: RegistryEndpoint,
        doing: String
    ) async throws(AttemptFailure) -> String {
        entries.withLock { entries in
            if let refused, entries[purpose]?.header == refused { entries[purpose] = nil }
        }
        if case .registryToken? = purpose.credentials?.secret {
            throw AttemptFailure(
                ImageError(.denied, doing: doing, "the registry does not take the registry token"))
        }
        if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
            let (token, life) = try await token(challenge, purpose, from: endpoint, doing: doing)
            return keep("Bearer \(token)", for: life, purpose)
        }
        if challenges.contains(where: { $0.scheme == "basic" }) {
            guard case .password(let user, let password)? = purpose.credentials?.secret else {
                throw AttemptFailure(
                    ImageError(
                        .denied, doing: doing, "the registry wants a user and a password",
                        remedy: "give the pull credentials, such as imagePullSecrets"))
            }
            return keep(Self.basic(user, password), for: 300, purpose)
        }
        let schemes = challenges.map(\.scheme).joined(separator: ", ")
        throw AttemptFailure(
            ImageError(
                .denied, doing: doing,
                schemes.isEmpty
                    ? "the registry wants credentials, and does not say which"
                    : "the registry wants credentials of a kind that is not supported: \(Printable.text(schemes))"
            ))
    }

    private func keep(_ header: String, for life: Int, _ purpose: Purpose) -> String {
        let now = ContinuousClock.now
        // Some time before the end, a token may end on its way.
        let expires = now + .seconds(max(life - 10, life / 2))
        entries.withLock { entries in
            entries = entries.filter { $0.value.expires > now }
            entries[purpose] = Entry(header: header, expires: expires)
        }
        return header
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    // MARK: Tokens

    private struct Answer: Decodable {
        var token: String?
        var accessToken: String?
        var expiresIn: Int?

        private enum CodingKeys: String, CodingKey {
            case token
            case accessToken = "access_token"
            case expiresIn = "expires_in"
        }
    }

    private func token(
        _ challenge: AuthChallenge, _ purpose: Purpose, from endpoint: RegistryEndpoint, doing: String
    ) async throws(AttemptFailure) -> (token: String, life: Int) {
        guard let realm = challenge.parameters["realm"], let url = URL(string: realm),
            let origin = Origin(url)
        else {
            throw AttemptFailure(
                ImageError(.denied, doing: doing, "the registry names no token server that could be asked"))
        }
        guard origin.isSecure || !endpoint.host.isSecure || HostAndPort(origin.authority).isLoopback else {
            throw AttemptFailure(
                ImageError(
                    .denied, doing: doing,
                    "the registry names a token server without encryption, \(origin), which is not asked"))
        }
        let request = Self.request(realm, challenge, purpose, doing: "ask \(origin) for a token")
        let response = try await transport.send(request, to: endpoint)
        let bytes: [UInt8]
        do {
            bytes = try await response.body.collect(
                upTo: Self.largestAnswer, patience: transport.patience)
        } catch {
            throw AttemptFailure(transport: error, doing: request.doing)
        }
        guard response.status.code == 200 else {
            throw ResponseFault.failure(
                status: response.status.code, headers: response.headers, body: bytes, doing: request.doing,
                hasCredentials: purpose.credentials != nil)
        }
        let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes))
        guard let token = answer?.token.flatMap({ $0.isEmpty ? nil : $0 }) ?? answer?.accessToken,
            !token.isEmpty,
            token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw AttemptFailure(ImageError(.denied, doing: request.doing, "its answer has no token"))
        }
        return (token, min(max(answer?.expiresIn ?? Self.usualLife, Self.usualLife), 86_400))
    }

    private static func request(
        _ realm: String, _ challenge: AuthChallenge, _ purpose: Purpose, doing: String
    ) -> RegistryRequest {
        let scopes = (challenge.parameters["scope"] ?? "repository:\(purpose.repository):pull").split(
            separator: " ")
        var fields = scopes.map { ("scope", String($0)) }
        if let service = challenge.parameters["service"] { fields.append(("service", service)) }
        var request = RegistryRequest(url: realm, doing: doing)
        switch purpose.credentials?.secret {
        case .identityToken(let token)?:
            // distribution, "Docker Registry v2 authentication using OAuth2".
            fields = fields.filter { $0.0 != "scope" }
            fields.append(("scope", scopes.joined(separator: " ")))
            fields += [("grant_type", "refresh_token"), ("client_id", "apus-cri"), ("refresh_token", token)]
            request.method = .POST
            request.headers = [.init(name: "Content-Type", value: "application/x-www-form-urlencoded")]
            request.body = Array(encode(fields).utf8)
            return request
        case .password(let user, let password)?:
            fields.append(("account", user))
            request.authorization = basic(user, password)
        case .registryToken?, nil: break
        }
        request.url += (realm.contains("?") ? "&" : "?") + encode(fields)
        return request
    }

    private static func encode(_ fields: [(String, String)]) -> String {
        var plain = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\u{21}"..."\u{7e}"))
        plain.insert(charactersIn: "-._~")
        return fields.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: plain) ?? "")"
        }.joined(separator: "&")
    }
}
