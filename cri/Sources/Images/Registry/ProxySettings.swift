import Foundation

/// A proxy that connections go through: HTTP's CONNECT for both schemes, or SOCKS 5.
struct Proxy: Sendable, Hashable, CustomStringConvertible {
    enum Kind: Sendable, Hashable { case http, socks }

    var kind: Kind
    var host: String
    var port: Int
    /// `USER:PASSWORD` in base64, if the URL has them; never shown.
    var basic: String?

    var description: String { "\(kind == .http ? "http" : "socks5")://\(host):\(port)" }

    /// What the URL of a proxy says: `http://[USER:PASSWORD@]HOST[:PORT]`, `socks5://HOST[:PORT]`; without a scheme it
    /// is http.
    ///
    /// - Parameter source: whose value it is, for the error.
    init(_ text: String, source: String) throws(ImageError) {
        func refuse(_ reason: String) -> ImageError {
            ImageError(
                .invalid, doing: source, reason, remedy: "write http://HOST:PORT or socks5://HOST:PORT")
        }
        let written = text.contains("://") ? text : "http://" + text
        guard let url = URLComponents(string: written), let name = url.host, !name.isEmpty,
            url.path.isEmpty || url.path == "/", url.query == nil, url.fragment == nil
        else { throw refuse("is not the URL of a proxy") }
        switch url.scheme?.lowercased() {
        case "http": kind = .http
        case "socks5", "socks5h": kind = .socks
        case let scheme: throw refuse("proxies of the scheme \"\(scheme ?? "")\" are not supported")
        }
        host = name.trimmingCharacters(in: ["[", "]"])
        port = url.port ?? (kind == .http ? 80 : 1080)
        if let user = url.user {
            guard kind == .http else { throw refuse("users of SOCKS proxies are not supported") }
            basic = Data("\(user):\(url.password ?? "")".utf8).base64EncodedString()
        }
    }
}

/// Which proxy a request goes through, as the environment says: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in upper
/// or lower case, as most programs read them.
public struct ProxySettings: Sendable {
    private var secure: Proxy?
    private var plain: Proxy?
    private var exceptions: [Exception] = []

    private struct Exception: Sendable {
        enum Whom: Sendable {
            case everybody
            case address(IPAddress)
            case network(IPAddress, prefix: Int)
            /// The domain itself, unless `below` only, and what is below it.
            case domain(String, below: Bool)
        }
        var whom: Whom
        var port: Int?
    }

    /// No proxy at all.
    public init() {}

    /// What the environment says.
    ///
    /// - Throws: `invalid` for a URL that is none or whose scheme is not supported.
    public init(environment: [String: String]) throws(ImageError) {
        func variable(_ name: String) -> (name: String, value: String)? {
            for name in [name, name.lowercased()] {
                if let value = environment[name], !value.isEmpty { return (name, value) }
            }
            return nil
        }
        if let (name, value) = variable("HTTPS_PROXY") {
            secure = try Proxy(value, source: "environment variable \(name)")
        }
        // Programs run by web servers get a client's "Proxy:" header in HTTP_PROXY; this is none of those.
        if let (name, value) = variable("HTTP_PROXY") {
            plain = try Proxy(value, source: "environment variable \(name)")
        }
        for entry in (variable("NO_PROXY")?.value ?? "").split(whereSeparator: { ", \t".contains($0) }) {
            exceptions.append(Self.exception(entry.lowercased()))
        }
    }

    private static func exception(_ entry: String) -> Exception {
        if entry == "*" { return Exception(whom: .everybody) }
        if let slash = entry.firstIndex(of: "/"), let network = IPAddress(entry[..<slash]),
            let prefix = Int(entry[entry.index(after: slash)...])
        {
            return Exception(whom: .network(network, prefix: prefix))
        }
        if let address = IPAddress(entry) { return Exception(whom: .address(address)) }
        let parts = HostAndPort(entry)
        if let address = IPAddress(parts.host) { return Exception(whom: .address(address), port: parts.port) }
        var domain = parts.host[...]
        let below = domain.hasPrefix(".") || domain.hasPrefix("*.")
        if below { domain = domain.drop { $0 == "*" || $0 == "." } }
        return Exception(whom: .domain(String(domain), below: below), port: parts.port)
    }

    /// The proxy for requests to this host; nil is to go straight. What is on the loopback device never goes through
    /// one.
    func proxy(isSecure: Bool, authority: String) -> Proxy? {
        guard let proxy = isSecure ? secure : plain else { return nil }
        let target = HostAndPort(authority.lowercased())
        if target.isLoopback { return nil }
        let address = IPAddress(target.host)
        let port = target.port ?? (isSecure ? 443 : 80)
        let isExcepted = exceptions.contains { exception in
            if let wanted = exception.port, wanted != port { return false }
            switch exception.whom {
            case .everybody: return true
            case .address(let wanted): return address == wanted
            case .network(let network, let prefix):
                return address.map { $0.isIn(network, prefix: prefix) } ?? false
            case .domain(let domain, let below):
                return target.host.hasSuffix("." + domain) || !below && target.host == domain
            }
        }
        return isExcepted ? nil : proxy
    }
}
