/// A number of bytes as a person writes it.
public enum ByteSize {
    /// Reads what runc's callers write: `512m`, `1.5GiB`, `64 kb`, `-1` for "unlimited". The units are powers of
    /// 1024, in any case, and `b` or `ib` behind one changes nothing. A fraction of a byte is dropped.
    ///
    /// - Returns: `nil` for anything else.
    public static func bytes(_ written: String) -> Int64? {
        if written == "-1" { return -1 }
        let number = written.prefix { $0 == "." || ("0"..."9").contains($0) }
        var unit = written.dropFirst(number.count)
        if unit.first == " " { unit = unit.dropFirst() }
        guard let shift = shift(unit.lowercased()) else { return nil }
        if let whole = Int64(number) {
            let (bytes, overflows) = whole.multipliedReportingOverflow(by: 1 << shift)
            return overflows ? nil : bytes
        }
        // Not a number: only digits, and a point or more.
        guard number.contains("."), let value = Double(number) else { return nil }
        return Int64(exactly: (value * Double(Int64(1) << shift)).rounded(.towardZero))
    }

    private static func shift(_ unit: String) -> Int64? {
        if unit.isEmpty || unit == "b" { return 0 }
        let letters = ["k", "m", "g", "t", "p"]
        guard let place = letters.firstIndex(where: { unit.hasPrefix($0) }) else { return nil }
        return ["", "b", "ib"].contains(unit.dropFirst()) ? Int64(place + 1) * 10 : nil
    }
}
