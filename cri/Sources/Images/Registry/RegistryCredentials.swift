import Foundation

/// What somebody who pulls an image has to show to a registry: the interface's AuthConfig, checked.
///
/// It describes itself without its secrets, and so does what `Mirror` and `dump` make of it.
public struct RegistryCredentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The one way of the four that is used.
    enum Secret: Hashable, Sendable {
        case password(user: String, password: String)
        /// A refresh token, for the token server only.
        case identityToken(String)
        /// A bearer token, shown to the registry as it is.
        case registryToken(String)
    }

    let secret: Secret
    /// The host that they are for, with a port if it had one; nil if they are for the registry that the image's
    /// reference names.
    let server: String?

    /// Takes what the interface's AuthConfig has; empty strings are fields not set.
    ///
    /// Of several, a registry token comes before a user name, that before an identity token, and that before `auth`.
    ///
    /// - Returns: nil if all is empty, which means to pull as nobody in particular.
    /// - Throws: `invalid` for an `auth` that is not base64 of `USER:PASSWORD`, and for a server address that is none.
    public init?(
        username: String = "", password: String = "", auth: String = "", serverAddress: String = "",
        identityToken: String = "", registryToken: String = ""
    ) throws(ImageError) {
        if !registryToken.isEmpty {
            secret = .registryToken(registryToken)
        } else if !username.isEmpty {
            secret = .password(user: username, password: password)
        } else if !identityToken.isEmpty {
            secret = .identityToken(identityToken)
        } else if !auth.isEmpty {
            // Docker pads the password with zero bytes.
            guard let bytes = Data(base64Encoded: auth), let text = String(data: bytes, encoding: .utf8),
                let colon = text.firstIndex(of: ":"), colon != text.startIndex
            else {
                throw ImageError(
                    .invalid, doing: "auth/auth", "is not base64 of USER:PASSWORD",
                    remedy: "give username and password instead")
            }
            let password = text[text.index(after: colon)...]
            secret = .password(
                user: String(text[..<colon]), password: password.trimmingCharacters(in: ["\0"]))
        } else if !password.isEmpty {
            throw ImageError(.invalid, doing: "auth/password", "is given without a username")
        } else {
            return nil
        }
        guard registryToken.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw ImageError(
                .invalid, doing: "auth/registry_token", "has a character that no header may have")
        }
        server = serverAddress.isEmpty ? nil : try Self.host(of: serverAddress)
    }

    /// Whether they may be shown to a server.
    ///
    /// Credentials for no server in particular, as kubelet has them of an imagePullSecret, are for the registry that the
    /// image names. containerd shows them to its mirrors, too; here, as with containers/image, whoever wants that says it
    /// by the server's name, or has the mirror's own in its `header` of hosts.toml.
    ///
    /// - Parameters:
    ///   - authority: the server's `host[:port]`.
    ///   - registry: the host that the image's reference has.
    ///   - isRegistry: whether hosts.toml says that this is where the registry itself is.
    func areFor(_ authority: String, of registry: String, isRegistry: Bool) -> Bool {
        let (asked, named) = (Self.canonical(authority), Self.canonical(registry))
        guard let server else { return isRegistry || asked == named }
        let wanted = Self.canonical(server)
        return asked == wanted || isRegistry && named == wanted
    }

    private static func host(of address: String) throws(ImageError) -> String {
        var rest = address[...]
        if let scheme = rest.range(of: "://") { rest = rest[scheme.upperBound...] }
        let host = rest.prefix { $0 != "/" }
        guard ImageReference.isHost(host) else {
            // A user and a password may be in it, which nobody is to read in a log.
            let shown = address.lastIndex(of: "@").map { "..." + address[$0...] } ?? address
            throw ImageError(
                .invalid, doing: "auth/server_address", "\"\(shown)\" names no host",
                remedy: shown == address ? nil : "leave out the user: it has a field of its own")
        }
        return host.lowercased()
    }

    /// Docker Hub goes by three names, and a port may be said that goes without saying.
    static func canonical(_ host: String) -> String {
        var host = host.lowercased()
        if host.hasSuffix(":443") { host.removeLast(4) }
        return ["index.docker.io", "registry-1.docker.io"].contains(host) ? "docker.io" : host
    }

    public var description: String {
        let kind =
            switch secret {
            case .password: "user and password"
            case .identityToken: "identity token"
            case .registryToken: "registry token"
            }
        return "credentials (\(kind)\(server.map { " for \($0)" } ?? ""))"
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension RegistryCredentials.Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    var description: String { "(secret)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
