import CCapability

/// A set of capabilities, as the kernel keeps it: bit `n` stands for capability `n` (capabilities(7)).
public struct CapabilitySet: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The capabilities from 0 to `last`, which is what `/proc/sys/kernel/cap_last_cap` holds.
    ///
    /// Numbers beyond 63 count as 63; there is nothing in a negative range.
    public static func all(upTo last: Int) -> CapabilitySet {
        if last < 0 { return [] }
        return CapabilitySet(rawValue: UInt64.max >> UInt64(63 - min(last, 63)))
    }

    /// Whether capability `number` is in the set.
    public func has(_ number: Int) -> Bool {
        (0...63).contains(number) && rawValue & 1 << UInt64(number) != 0
    }

    /// The names of its members, by ascending number. Members that libcap has no name for are left out.
    public var names: [String] { (0...63).filter(has).compactMap(Self.name) }

    /// Turns the names of `process.capabilities` into a set.
    ///
    /// Names are written as in `CAP_CHOWN`: with the prefix and in capitals, as the specification and runc
    /// have it. What is not known is for the caller to warn about and otherwise to ignore (config.md, "Linux
    /// Process": such values "MUST be logged as a warning", and containers "SHOULD NOT fail" for them).
    /// Whether the known ones can be granted is a matter of the sets of the calling thread:
    /// `set.subtracting(bounding).names` are those that cannot.
    ///
    /// - Parameters:
    ///   - names: in any order; repeats change nothing.
    ///   - last: the last capability of the running kernel; later ones are unknown.
    /// - Returns: the set, and the unknown names in the order given, each once.
    public static func parse(_ names: [String], upTo last: Int = 63) -> (
        set: CapabilitySet, unknown: [String]
    ) {
        var set: CapabilitySet = []
        var unknown: [String] = []
        for name in names {
            if let number = number(of: name), number <= last {
                set.rawValue |= 1 << UInt64(number)
            } else if !unknown.contains(name) {
                unknown.append(name)
            }
        }
        return (set, unknown)
    }

    /// The number of a capability, from 0 to 63, or `nil` if libcap does not know the name.
    public static func number(of name: String) -> Int? {
        // libcap takes any case and stops reading at the first character that is part of no name.
        let plain = name.utf8.allSatisfy { (0x41...0x5a).contains($0) || $0 == 0x5f }
        guard plain, name.utf8.starts(with: "CAP_".utf8) else { return nil }
        var number: cap_value_t = -1
        guard cap_from_name(name, &number) == 0, (0...63).contains(number) else { return nil }
        return Int(number)
    }

    /// The name of a capability, or `nil` if libcap knows none.
    public static func name(of number: Int) -> String? {
        // Other numbers come back as a numeral.
        guard (0...63).contains(number), let text = cap_to_name(cap_value_t(number)) else { return nil }
        defer { cap_free(text) }
        let name = String(cString: text)
        return name.utf8.starts(with: "cap_".utf8) ? name.uppercased() : nil
    }
}
