/// A length of time as Go's `time.ParseDuration` reads it, which is what callers write.
public enum TimeSpan {
    /// Reads `5s`, `1m30s`, `1.5h`, `300ms`, `-2us`: numbers with their units, one after the other, and a sign
    /// before them. `0` needs no unit.
    ///
    /// - Returns: nanoseconds; `nil` for anything else, and for more than 292 years.
    public static func nanoseconds(_ written: String) -> Int64? {
        var rest = written[...]
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest = rest.dropFirst() }
        if rest == "0" { return 0 }
        if rest.isEmpty { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0 == "." || ("0"..."9").contains($0) }
            rest = rest.dropFirst(number.count)
            let name = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
            rest = rest.dropFirst(name.count)
            // Go takes a number without digits on one side of its point.
            guard number != ".", let unit = units[String(name)],
                let value = Double(number.contains(".") ? "0\(number)0" : String(number))
            else { return nil }
            total += value * unit
        }
        guard let nanoseconds = Int64(exactly: total.rounded(.towardZero)) else { return nil }
        return isNegative ? -nanoseconds : nanoseconds
    }

    /// µ is there twice in Unicode: as a sign and as a Greek letter.
    private static let units: [String: Double] = [
        "ns": 1, "us": 1e3, "\u{b5}s": 1e3, "\u{3bc}s": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]
}
