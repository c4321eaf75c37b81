import Foundation
import TOMLKit

/// `hosts.toml`: which servers stand for a registry, in containerd's format (containerd, docs/hosts.md).
///
/// What containerd passes over, a key that it does not know or a file with a fault, is refused here: a misspelt
/// `skip_verify` or `server` should not be found out by where images come from.
struct HostsFile {
    /// The mirrors, in the order of the file.
    var mirrors: [RegistryHost] = []
    /// The registry itself, after all mirrors.
    var server: RegistryHost

    private let path: String
    private let outline: TOMLOutline

    /// - Parameters:
    ///   - text: what is in the file.
    ///   - path: where it is; relative names of certificates start at its directory.
    ///   - registry: what it is for, `host[:port]`: the server unless the file names another.
    init(_ text: String, path: String, registry: String) throws(ImageError) {
        let document: TOMLTable
        do {
            document = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw ImageError(
                .invalid, doing: "\(path):\(error.source.begin.line)", "is not TOML: \(error.description)")
        } catch {
            throw ImageError(.invalid, doing: path, "is not TOML: \(error)")
        }
        self.path = path
        outline = TOMLOutline(of: text)
        server = .itself(registry)

        for key in outline.keys(below: []) {
            switch key {
            case "server":
                guard let written = document[key]?.string else { throw refuse([key], "is to be a string") }
                guard !written.isEmpty else { continue }
                server = try host(written, at: [key], overridesPath: try overridesPath(document, at: []))
            case "host":
                guard let tables = document[key]?.table else {
                    throw refuse([key], "is to be a table of servers, [host.\"https://NAME\"]")
                }
                for name in outline.keys(below: [key]) {
                    let place = [key, name]
                    guard let table = tables[name]?.table else { throw refuse(place, "is to be a table") }
                    var mirror = try host(name, at: place, overridesPath: try overridesPath(table, at: place))
                    try read(table, at: place, into: &mirror, isRoot: false)
                    mirrors.append(mirror)
                }
            default: break
            }
        }
        try read(document, at: [], into: &server, isRoot: true)
        // TOMLKit frees a document with its root, whatever tables of it are still in use.
        withExtendedLifetime(document) {}
    }

    // MARK: Values

    private func read(
        _ table: TOMLTable, at place: [String], into host: inout RegistryHost, isRoot: Bool
    ) throws(ImageError) {
        for key in outline.keys(below: place) {
            let at = place + [key]
            guard let value = table[key] else { throw refuse(at, "could not be read") }
            switch key {
            case "server" where isRoot, "host" where isRoot, "override_path": continue
            case "capabilities": host.capabilities = try capabilities(try strings(value, at: at), at: at)
            case "ca": host.tls.authorities = try strings(value, at: at).map(absolute)
            case "client": host.tls.client = try clientPair(value, at: at)
            case "skip_verify":
                guard let skips = value.bool else { throw refuse(at, "is to be true or false") }
                host.tls.skipVerify = skips
            case "header": host.headers = try headers(value, at: at)
            case "dial_timeout": host.dialTimeout = try duration(value, at: at)
            case "proxy":
                guard let written = value.string else { throw refuse(at, "is to be a string") }
                host.proxy = try Proxy(written, source: "\(path):\(outline.line(of: at)): proxy")
            default:
                throw refuse(
                    at, "is not a key of this format",
                    "keys are server, host, capabilities, ca, client, skip_verify, header, override_path, "
                        + "dial_timeout and proxy")
            }
        }
        if !host.isSecure, !host.tls.authorities.isEmpty || host.tls.client != nil {
            throw refuse(
                place, "has certificates for \(host.origin), which is not encrypted", "write https://")
        }
    }

    private func overridesPath(_ table: TOMLTable, at place: [String]) throws(ImageError) -> Bool {
        guard let value = table["override_path"] else { return false }
        guard let overrides = value.bool else {
            throw refuse(place + ["override_path"], "is to be true or false")
        }
        return overrides
    }

    /// A server by its URL; `https` if it has no scheme. `/v2` is added to its path unless that is said to be whole.
    private func host(_ text: String, at place: [String], overridesPath: Bool) throws(ImageError)
        -> RegistryHost
    {
        let written = text.contains("://") ? text : "https://" + text
        guard let url = URLComponents(string: written), let scheme = url.scheme?.lowercased(),
            let name = url.host, !name.isEmpty, url.user == nil, url.query == nil, url.fragment == nil
        else { throw refuse(place, "\"\(text)\" is not the URL of a server") }
        guard scheme == "https" || scheme == "http" else {
            throw refuse(place, "\"\(text)\" is neither https nor http")
        }
        let bracketed = name.contains(":") && !name.hasPrefix("[") ? "[\(name)]" : name
        var path = url.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        if !overridesPath, !path.hasSuffix("/v2") { path += "/v2" }
        return RegistryHost(
            isSecure: scheme == "https", authority: bracketed + (url.port.map { ":\($0)" } ?? ""), path: path)
    }

    private func capabilities(
        _ names: [String], at place: [String]
    ) throws(ImageError) -> RegistryHost.Capabilities {
        var capabilities: RegistryHost.Capabilities = []
        for name in names {
            switch name.lowercased() {
            case "pull": capabilities.insert(.pull)
            case "resolve": capabilities.insert(.resolve)
            case "push": capabilities.insert(.push)
            default:
                throw refuse(place, "\"\(name)\" is not a capability", "these are pull, resolve and push")
            }
        }
        // An empty list is as none, as containerd has it.
        return names.isEmpty ? .all : capabilities
    }

    /// A string, a list of strings or a list of pairs: files of PEM, with the key in the same file or a second one.
    private func clientPair(
        _ value: TOMLValueConvertible, at place: [String]
    ) throws(ImageError) -> RegistryHost.ClientPair? {
        var pairs: [[String]] = []
        if let one = value.string {
            pairs = [[one]]
        } else if let list = value.array {
            for index in 0..<list.count {
                pairs.append(try strings(list[index], at: place))
            }
        } else {
            throw refuse(place, "is to be a string, a list of strings or a list of pairs")
        }
        guard pairs.count < 2 else {
            throw refuse(place, "has \(pairs.count) client certificates; one is supported")
        }
        guard let pair = pairs.first else { return nil }
        guard (1...2).contains(pair.count), !pair[0].isEmpty else {
            throw refuse(place, "is to name a certificate, and maybe a key")
        }
        return RegistryHost.ClientPair(
            certificate: absolute(pair[0]),
            key: pair.count == 2 && !pair[1].isEmpty ? absolute(pair[1]) : nil)
    }

    private func headers(
        _ value: TOMLValueConvertible, at place: [String]
    ) throws(ImageError) -> [RegistryHost.Header] {
        guard let table = value.table else { throw refuse(place, "is to be a table") }
        var headers: [RegistryHost.Header] = []
        for name in outline.keys(below: place) {
            let at = place + [name]
            guard let written = table[name] else { throw refuse(at, "could not be read") }
            guard !name.isEmpty, name.utf8.allSatisfy({ Self.isTokenCharacter($0) }) else {
                throw refuse(at, "is not the name of a header")
            }
            for value in try strings(written, at: at) {
                guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                    throw refuse(at, "has a control character")
                }
                headers.append(RegistryHost.Header(name: name, value: value))
            }
        }
        return headers
    }

    /// RFC 9110, section 5.6.2, "Tokens".
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
    }

    private func strings(_ value: TOMLValueConvertible, at place: [String]) throws(ImageError) -> [String] {
        if let one = value.string { return [one] }
        guard let list = value.array else { throw refuse(place, "is to be a string or a list of strings") }
        var strings: [String] = []
        for index in 0..<list.count {
            guard let string = list[index].string else {
                throw refuse(place, "has a value that is no string")
            }
            strings.append(string)
        }
        return strings
    }

    /// A duration as Go writes it, `1m30s`, in milliseconds.
    private func duration(_ value: TOMLValueConvertible, at place: [String]) throws(ImageError) -> Int {
        guard let text = value.string, let milliseconds = GoDuration.milliseconds(text), milliseconds > 0
        else {
            throw refuse(place, "is not a duration", "write it as \"1s\" or \"500ms\"")
        }
        return milliseconds
    }

    private func absolute(_ name: String) -> String {
        if name.hasPrefix("/") { return name }
        let directory = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
        return "\(directory)/\(name)"
    }

    private func refuse(_ place: [String], _ reason: String, _ remedy: String? = nil) -> ImageError {
        let name = place.map { $0.contains(".") || $0.contains("/") ? "\"\($0)\"" : $0 }.joined(
            separator: ".")
        let line = "\(path):\(outline.line(of: place))"
        return ImageError(
            .invalid, doing: name.isEmpty ? line : "\(line): \(name)", reason, remedy: remedy)
    }
}
