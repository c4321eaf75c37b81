import CRIProto
import Diagnosis
import Glibc
import Kernel

/// The text of a pod's `/etc/resolv.conf` (resolv.conf(5)).
enum ResolverConfiguration {
    /// As many as resolvers read; kubelet sends no more (`MaxDNSNameservers`).
    static let serverLimit = 3
    /// As kubelet has it (`MaxDNSSearchPaths`, `MaxDNSSearchListChars`).
    static let searchLimit = 32
    static let searchLengthLimit = 2048

    /// Where systemd-resolved writes the servers that it asks itself.
    private static let upstream = "/run/systemd/resolve/resolv.conf"

    /// What a request says, or, if it says nothing, what the host has.
    ///
    /// - Parameters:
    ///   - config: nil if the request has none.
    ///   - usesHostNetwork: whether the pod can reach what listens on the host's loopback interface. One that cannot
    ///     gets the servers behind systemd-resolved's stub in place of the stub.
    ///   - root: before the host's paths; for tests.
    /// - Throws: values that resolv.conf cannot say, at `/config/dns_config/…`.
    static func text(
        _ config: Runtime_V1_DNSConfig?, usesHostNetwork: Bool, root: String = ""
    ) throws(Failure) -> [UInt8] {
        if let config, !(config.servers.isEmpty && config.searches.isEmpty && config.options.isEmpty) {
            return try text(config)
        }
        return try hostText(usesHostNetwork, root)
    }

    private static func text(_ config: Runtime_V1_DNSConfig) throws(Failure) -> [UInt8] {
        let pointer = Pointer("/config/dns_config")
        try check(config.servers, pointer.key("servers"), limit: serverLimit)
        try check(config.searches, pointer.key("searches"), limit: searchLimit)
        try check(config.options, pointer.key("options"), limit: .max)
        for (index, server) in config.servers.enumerated() where !isAddress(server) {
            throw Failure(at: pointer.key("servers").index(index), "\"\(server)\" is not an IP address")
        }
        let searches = config.searches.joined(separator: " ")
        if searches.utf8.count > searchLengthLimit {
            throw Failure(
                at: pointer.key("searches"),
                "the domains have \(searches.utf8.count) characters, the limit is \(searchLengthLimit)")
        }
        var lines: [String] = []
        if !searches.isEmpty { lines.append("search \(searches)") }
        lines += config.servers.map { "nameserver \($0)" }
        if !config.options.isEmpty { lines.append("options \(config.options.joined(separator: " "))") }
        return Array(lines.map { $0 + "\n" }.joined().utf8)
    }

    private static func check(_ values: [String], _ pointer: Pointer, limit: Int) throws(Failure) {
        if values.count > limit {
            throw Failure(at: pointer, "there are \(values.count), the limit is \(limit)")
        }
        for (index, value) in values.enumerated()
        where value.isEmpty || value.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7f })
        {
            throw Failure(
                at: pointer.index(index),
                "\"\(value.prefix(80))\" must be one word, which resolv.conf can say")
        }
    }

    /// inet_pton(3), and for IPv6 an interface after a `%`.
    private static func isAddress(_ text: String) -> Bool {
        var room = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &room) == 1 { return true }
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        return inet_pton(AF_INET6, String(parts[0]), &room) == 1 && (parts.count == 1 || !parts[1].isEmpty)
    }

    private static func hostText(_ usesHostNetwork: Bool, _ root: String) throws(Failure) -> [UInt8] {
        let own = try contents(root + "/etc/resolv.conf") ?? []
        guard !usesHostNetwork, isStub(own) else { return own }
        return try contents(root + upstream) ?? own
    }

    /// Whether the only servers are those of systemd-resolved on the loopback interface (systemd-resolved.service(8)).
    private static func isStub(_ text: [UInt8]) -> Bool {
        var servers: Set<String> = []
        for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.first == "nameserver", words.count > 1 { servers.insert(String(words[1])) }
        }
        return !servers.isEmpty && servers.isSubset(of: ["127.0.0.53", "127.0.0.54"])
    }

    /// - Returns: nil if there is no such file.
    private static func contents(_ path: String) throws(Failure) -> [UInt8]? {
        do throws(SystemError) {
            return try FileTree.read(path)
        } catch  where error.errno == Errno(ENOENT) {
            return nil
        } catch {
            throw Failure(.runtime, error)
        }
    }
}
