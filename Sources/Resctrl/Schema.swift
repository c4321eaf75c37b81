/// A line of a group's `schemata`: how much of a resource there is in each of its domains, as in `L3:0=7f0;1=1f`.
struct Schema: Equatable {
    var resource: String
    /// By the number of the domain, as written.
    var shares: [(domain: String, value: String)]

    /// `nil` if it is not such a line.
    init?(_ line: some StringProtocol) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        resource = Self.trimmed(parts[0])
        shares = []
        for share in parts[1].split(separator: ";") {
            let sides = share.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { return nil }
            shares.append((Self.trimmed(sides[0]), Self.trimmed(sides[1])))
        }
        if resource.isEmpty || shares.isEmpty { return nil }
    }

    /// The lines of a file.
    static func lines(_ text: String) -> [Schema] { text.split(separator: "\n").compactMap { Schema($0) } }

    /// Whether a group that has these lines gives what this one says. The kernel writes numbers in its own way, and
    /// rounds bandwidths up to whole steps.
    func holds(in lines: [Schema], bandwidthStep step: UInt64?) -> Bool {
        guard let line = lines.first(where: { $0.resource == resource }) else { return false }
        return shares.allSatisfy { share in
            guard
                let actual = line.shares.first(where: {
                    Self.number($0.domain, 10) == Self.number(share.domain, 10)
                })
            else { return false }
            if actual.value == share.value { return true }
            let radix = isBandwidth ? 10 : 16
            guard let wanted = Self.number(share.value, radix), let found = Self.number(actual.value, radix)
            else {
                return false
            }
            guard isBandwidth, let step, step > 0, wanted <= .max - step else { return wanted == found }
            return wanted == found || (wanted + step - 1) / step * step == found
        }
    }

    /// Memory bandwidths are decimal numbers, caches bit masks.
    private var isBandwidth: Bool { resource.hasSuffix("MB") || resource == "SMBA" }

    private static func number(_ text: String, _ radix: Int) -> UInt64? {
        UInt64(radix == 16 && text.hasPrefix("0x") ? String(text.dropFirst(2)) : text, radix: radix)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = text.drop(while: blank)
        return String(start.prefix(start.count - start.reversed().prefix(while: blank).count))
    }

    static func == (one: Schema, other: Schema) -> Bool {
        one.resource == other.resource && one.shares.elementsEqual(other.shares, by: ==)
    }
}
