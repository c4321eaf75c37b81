/// One server that images of a registry may come from: the registry itself, or a mirror of it.
struct RegistryHost: Sendable, Hashable {
    /// What a server is trusted with (containerd, docs/hosts.md, "capabilities field").
    struct Capabilities: OptionSet, Sendable, Hashable {
        let rawValue: UInt8
        static let pull = Capabilities(rawValue: 1)
        /// To say which digest a tag means.
        static let resolve = Capabilities(rawValue: 2)
        static let push = Capabilities(rawValue: 4)
        static let all: Capabilities = [.pull, .resolve, .push]
    }

    /// Files of certificates, which are read anew for each pull: they may be renewed.
    struct TLS: Sendable, Hashable {
        /// Further authorities, beside the system's.
        var authorities: [String] = []
        /// The client's certificate, and its key where that is in a file of its own.
        var client: ClientPair?
        var skipVerify = false
    }

    struct ClientPair: Sendable, Hashable {
        var certificate: String
        var key: String?
    }

    struct Header: Sendable, Hashable {
        var name: String
        var value: String
    }

    var isSecure = true
    /// `host[:port]`.
    var authority: String
    /// What comes before the repository's name: `/v2`.
    var path = "/v2"
    var capabilities: Capabilities = .all
    var tls = TLS()
    var headers: [Header] = []
    /// How long a connection may take to come up, in milliseconds.
    var dialTimeout = RegistryHost.usualDialTimeout
    /// The proxy for this host alone; nil is the environment's, if any.
    var proxy: Proxy?

    static let usualDialTimeout = 30_000

    /// `https://host:port`: the server's name in messages.
    var origin: String { (isSecure ? "https://" : "http://") + authority }

    /// The registry itself, where no file says otherwise: https, but on the loopback device, unless it is at https'
    /// own port.
    static func itself(_ host: String) -> RegistryHost {
        if host == "docker.io" { return RegistryHost(authority: "registry-1.docker.io") }
        let parts = HostAndPort(host)
        let isPlain = parts.isLoopback && parts.port != nil && parts.port != 443
        return RegistryHost(isSecure: !isPlain, authority: host)
    }
}

/// The two parts of `host[:port]`, the brackets of an IPv6 address taken off.
struct HostAndPort: Sendable, Hashable {
    var host: String
    var port: Int?

    init(_ authority: String) {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            port = Int(authority[authority.index(after: end)...].dropFirst())
        } else if let colon = authority.lastIndex(of: ":"), authority.firstIndex(of: ":") == colon {
            host = String(authority[..<colon])
            port = Int(authority[authority.index(after: colon)...])
        } else {
            host = authority
            port = nil
        }
    }

    /// `localhost`, 127.0.0.0/8 or ::1.
    var isLoopback: Bool {
        if host.lowercased() == "localhost" { return true }
        guard let address = IPAddress(host) else { return false }
        return address.isLoopback
    }
}
