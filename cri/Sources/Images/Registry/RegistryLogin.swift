/// What somebody has to show to a registry, in the fields of the interface's AuthConfig, for whoever passes it on.
///
/// It describes itself without its secrets.
package struct RegistryLogin: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package var username = ""
    package var password = ""
    /// base64 of `USER:PASSWORD`.
    package var auth = ""
    package var identityToken = ""
    package var registryToken = ""
    /// `host[:port]`: nobody else is shown any of it.
    package let server: String

    package init(username: String = "", password: String = "", for server: String) {
        (self.username, self.password, self.server) = (username, password, server)
    }

    /// Checked; nil if there is nothing in it.
    package func credentials() throws(ImageError) -> RegistryCredentials? {
        try RegistryCredentials(
            username: username, password: password, auth: auth, serverAddress: server,
            identityToken: identityToken, registryToken: registryToken)
    }

    package var description: String { "login for \(server)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
