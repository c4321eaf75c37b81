/// Which image somebody means: a registry, a repository in it, and a tag or a digest or both.
///
/// The grammar is that of distribution's `reference` package, which every container tool shares, with Docker's
/// defaults: no host means `docker.io`, there a single name means `library/NAME`, and neither tag nor digest means
/// `latest`.
public struct ImageReference: Hashable, Sendable, CustomStringConvertible {
    /// The registry as the reference names it: a host, maybe with a port: `docker.io`, `[::1]:5000`.
    public let host: String
    /// The repository within the registry: `library/busybox`.
    public let repository: String
    /// The tag; nil if only a digest was given.
    public let tag: String?
    /// The digest. Where there is one it decides, and the tag is but a name.
    public let digest: Digest?

    /// Host and repository: `docker.io/library/busybox`.
    public var name: String { host + "/" + repository }

    /// The full normal form: `docker.io/library/busybox:1.29`, `NAME@sha256:...`, `NAME:TAG@sha256:...`.
    public var description: String {
        name + (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// The same image by this digest alone.
    public func pinned(to digest: Digest) -> ImageReference {
        ImageReference(host: host, repository: repository, tag: nil, digest: digest)
    }

    /// What a registry is asked for: the digest, or else the tag.
    var selector: String { digest?.description ?? tag ?? Self.defaultTag }

    private static let defaultTag = "latest"
    private static let defaultHost = "docker.io"
    /// Of a repository's name, without the host (distribution-spec, "Pulling manifests").
    private static let longestRepository = 255
    private static let longestTag = 128

    private init(host: String, repository: String, tag: String?, digest: Digest?) {
        (self.host, self.repository, self.tag, self.digest) = (host, repository, tag, digest)
    }

    /// Reads a reference as people and pods write it.
    ///
    /// - Throws: `invalid`, with what is wrong with which part.
    public init(_ text: String) throws(ImageError) {
        func refuse(_ reason: String, _ remedy: String? = nil) -> ImageError {
            // What nobody meant as a reference need not be repeated in full.
            let shown = text.utf8.count > 300 ? text.prefix(300) + "…" : text[...]
            return ImageError(.invalid, doing: "image reference \"\(shown)\"", reason, remedy: remedy)
        }
        guard !text.isEmpty else { throw refuse("is empty") }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw refuse(
                "has a character that no reference may have: blanks, control and non-ASCII characters")
        }

        var rest = text[...]
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            let written = rest[rest.index(after: at)...]
            guard let known = Digest(written) else {
                throw refuse(
                    "\"\(written.prefix(160))\" is not a digest that is supported",
                    "digests are sha256: and 64 lower-case hexadecimal digits")
            }
            digest = known
            rest = rest[..<at]
        }
        var tag: String?
        // A colon after the last slash begins a tag; one before it, a port.
        let afterSlash = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[afterSlash...].firstIndex(of: ":") {
            let written = rest[rest.index(after: colon)...]
            guard Self.isTag(written) else {
                throw refuse(
                    "\"\(written.prefix(160))\" is not a tag",
                    "tags have up to \(Self.longestTag) letters, digits, '_', '.' and '-', and begin with none of the "
                        + "latter two")
            }
            tag = String(written)
            rest = rest[..<colon]
        }

        var host = Self.defaultHost
        var repository = rest
        if let slash = rest.firstIndex(of: "/"), Self.looksLikeHost(rest[..<slash]) {
            let written = rest[..<slash]
            guard Self.isHost(written) else { throw refuse("\"\(written)\" is not a host, or host:port") }
            host = String(written)
            repository = rest[rest.index(after: slash)...]
        }
        if host == "index.docker.io" { host = Self.defaultHost }
        guard !repository.isEmpty else { throw refuse("names no repository") }
        if let upper = repository.first(where: \.isUppercase) {
            throw refuse(
                "the repository's name has an upper-case letter, '\(upper)'", "write it in lower case")
        }
        if let bad = repository.split(separator: "/", omittingEmptySubsequences: false).first(
            where: { !Self.isPathComponent($0) })
        {
            throw refuse(
                "\"\(bad)\" is not a part of a repository's name",
                "parts are lower-case letters and digits, with '.', '_', '__' or '-' between them")
        }
        if host == Self.defaultHost, !repository.contains("/") {
            guard repository.utf8.count != 64 || Digest(hex: repository) == nil else {
                throw refuse("is an image's id, not its name", "pull it by name, or NAME@sha256:DIGEST")
            }
            repository = "library/" + repository
        }
        guard repository.utf8.count <= Self.longestRepository else {
            throw refuse(
                "the repository's name has \(repository.utf8.count) characters; "
                    + "\(Self.longestRepository) are allowed")
        }
        self.init(
            host: host, repository: String(repository),
            tag: tag ?? (digest == nil ? Self.defaultTag : nil), digest: digest)
    }

    // MARK: The grammar

    private static func looksLikeHost(_ text: Substring) -> Bool {
        text.contains(".") || text.contains(":") || text == "localhost" || text.contains(where: \.isUppercase)
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= longestTag else { return false }
        return text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// `[a-z0-9]+` with `.`, `_`, `__` or any number of `-` between.
    private static func isPathComponent(_ text: Substring) -> Bool {
        var separator: [UInt8] = []
        var begun = false
        for byte in text.utf8 {
            if isLower(byte) || isDigit(byte) {
                let allowed =
                    separator.isEmpty || separator == [UInt8(ascii: ".")] || separator == [UInt8(ascii: "_")]
                    || separator == [UInt8(ascii: "_"), UInt8(ascii: "_")]
                    || separator.allSatisfy { $0 == UInt8(ascii: "-") }
                guard allowed else { return false }
                separator = []
                begun = true
            } else if begun, ".-_".utf8.contains(byte) {
                separator.append(byte)
            } else {
                return false
            }
        }
        return begun && separator.isEmpty
    }

    /// A domain name, an IPv4 address or a bracketed IPv6 address, maybe with a port.
    static func isHost(_ text: Substring) -> Bool {
        var host = text
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<end]
            guard !address.isEmpty, address.utf8.allSatisfy({ isHexDigit($0) || $0 == UInt8(ascii: ":") })
            else {
                return false
            }
            let rest = text[text.index(after: end)...]
            return rest.isEmpty || rest.hasPrefix(":") && isPort(rest.dropFirst())
        }
        if let colon = text.firstIndex(of: ":") {
            guard isPort(text[text.index(after: colon)...]) else { return false }
            host = text[..<colon]
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.utf8.first, let last = label.utf8.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isDigit) && Int(text).map { (1...65535).contains($0) } == true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLower(byte) || isUpper(byte)
    }
    private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }
}
