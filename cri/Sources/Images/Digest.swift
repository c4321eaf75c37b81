import Crypto

/// The digest of a blob: `sha256:` and 64 lower-case hexadecimal digits (image-spec, descriptor.md, "Digests").
///
/// Of the algorithms that the specification registers only sha256 is accepted: it is the one that registries and
/// images use, and a second one would give one layer two names.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// The 64 digits.
    public let hex: String

    /// `sha256:HEX`.
    public var description: String { "sha256:" + hex }

    /// The digest that `text` spells in full; nil if it is not one.
    public init?(_ text: some StringProtocol) {
        guard text.hasPrefix("sha256:") else { return nil }
        self.init(hex: text.dropFirst("sha256:".count))
    }

    /// The digest with these 64 digits; nil if they are not such.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy(Self.isDigit) else { return nil }
        self.hex = String(hex)
    }

    /// What a hash function came to.
    public init(_ value: SHA256Digest) {
        let digits = Array("0123456789abcdef".utf8)
        hex = String(
            decoding: value.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The digest of these bytes.
    public init(of bytes: some Sequence<UInt8>) {
        var hash = SHA256()
        hash.update(data: Array(bytes))
        self.init(hash.finalize())
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
