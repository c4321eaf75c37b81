import Glibc

/// An IP address, IPv4 or IPv6.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 bytes.
    let bytes: [UInt8]

    public var isIPv6: Bool { bytes.count == 16 }

    /// The address that `text` spells (inet_pton(3)); nil if it is none.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        guard !text.utf8.contains(0) else { return nil }
        var room = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &room) == 1 {
            bytes = Array(room.prefix(4))
        } else if inet_pton(AF_INET6, text, &room) == 1 {
            bytes = room
        } else {
            return nil
        }
    }

    /// The one way to spell it (RFC 5952 for IPv6).
    public var description: String {
        var room = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &room, socklen_t(room.count)) != nil else {
            return ""
        }
        return String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// An address and the length of its network's prefix: `10.1.0.5/16`.
public struct IPPrefix: Sendable, Hashable, CustomStringConvertible {
    public let address: IPAddress
    /// In bits.
    public let length: Int

    /// - Returns: nil if `text` is not such.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(parts[0]), let length = UInt8(parts[1]),
            parts[1].first != "+", length <= (address.isIPv6 ? 128 : 32)
        else { return nil }
        self.address = address
        self.length = Int(length)
    }

    public var description: String { "\(address)/\(length)" }
}
