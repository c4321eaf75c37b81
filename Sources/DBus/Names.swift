/// What may be in names and paths (D-Bus Specification, "Valid Names", "Valid Object Paths").
enum Names {
    /// `/`, or elements of letters, digits and underscores, each after a slash.
    static func isObjectPath(_ path: some Sequence<UInt8>) -> Bool {
        var last: UInt8?
        var count = 0
        for byte in path {
            if count == 0 || last == UInt8(ascii: "/") {
                // The first is a slash, and no other one follows it.
                guard count == 0 ? byte == UInt8(ascii: "/") : isElement(byte) else { return false }
            } else if byte != UInt8(ascii: "/"), !isElement(byte) {
                return false
            }
            last = byte
            count += 1
        }
        return count == 1 || (count > 1 && last != UInt8(ascii: "/"))
    }

    private static func isElement(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
