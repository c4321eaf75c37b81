/// A number below 256 as two hexadecimal digits.
func twoDigits(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return digits.utf8.count == 1 ? "0" + digits : digits
}

extension Unicode.Scalar {
    /// Whether a terminal would obey the character instead of showing it (C0, DEL, C1).
    var isControl: Bool { value < 0x20 || (0x7f...0x9f).contains(value) }
}
