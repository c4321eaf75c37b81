import Glibc

/// An address of either family, to be compared with networks.
struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes, in network order.
    let bytes: [UInt8]

    /// The address written so (inet_pton(3)); nil if it is none.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        let all = withUnsafeBytes(of: six) { Array($0) }
        // ::ffff:a.b.c.d is the IPv4 address itself.
        let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
        bytes = isMapped ? Array(all[12...]) : all
    }

    /// 127.0.0.0/8 or ::1.
    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// Whether the first `prefix` bits are those of `network`.
    func isIn(_ network: IPAddress, prefix: Int) -> Bool {
        guard bytes.count == network.bytes.count, (0...bytes.count * 8).contains(prefix) else { return false }
        let whole = prefix / 8
        guard bytes[..<whole] == network.bytes[..<whole] else { return false }
        let bits = prefix % 8
        if bits == 0 { return true }
        let mask = UInt8(truncatingIfNeeded: 0xff00 >> bits)
        return bytes[whole] & mask == network.bytes[whole] & mask
    }
}
