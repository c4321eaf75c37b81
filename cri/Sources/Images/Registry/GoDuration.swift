/// Durations as Go's programs write them into their configuration (Go, `time.ParseDuration`).
enum GoDuration {
    /// `1h`, `1m30s`, `1.5s`, `300ms`; nil for what is none, or longer than some weeks.
    static func milliseconds(_ text: String) -> Int? {
        let units: [(String, Double)] = [
            ("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
        ]
        var rest = text[...]
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest[number.endIndex...]
            let unit = rest.prefix { $0.isLetter }
            rest = rest[unit.endIndex...]
            guard let value = Double(number), let factor = units.first(where: { $0.0 == unit })?.1 else {
                return nil
            }
            total += value * factor
        }
        return total < 4e9 ? Int(total.rounded(.up)) : nil
    }
}
