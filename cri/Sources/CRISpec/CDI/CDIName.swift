import Diagnosis

/// The name of a device in full: `vendor.com/class=device` (CDI spec, "Kind" and "CDI Devices").
struct CDIName: Hashable, Sendable, CustomStringConvertible {
    /// `vendor.com/class`.
    var kind: String
    var device: String

    var description: String { "\(kind)=\(device)" }

    init(kind: String, device: String) {
        self.kind = kind
        self.device = device
    }

    /// - Returns: nil if `text` is no such name.
    init?(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        kind = String(text[..<equals])
        device = String(text[text.index(after: equals)...])
        if Self.refusal(ofKind: kind) != nil || Self.refusal(ofDevice: device) != nil { return nil }
    }

    /// Why this is no kind; nil if it is one.
    static func refusal(ofKind kind: String) -> String? {
        let parts = kind.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return "\"\(kind)\" is not of the form vendor.com/class" }
        let (vendor, name) = (parts[0], parts[1])
        guard vendor.utf8.count <= 253, isName(vendor, first: isLetter, within: [".", "-", "_"]) else {
            return "\"\(vendor)\" is not the name of a vendor, such as vendor.com"
        }
        guard name.utf8.count <= 63, isName(name, first: isLetter, within: [".", "-", "_"]) else {
            return "\"\(name)\" is not the name of a class: at most 63 letters, digits, '-', '_' and '.'"
        }
        return nil
    }

    /// Why this is not what a device can be called; nil if it is.
    static func refusal(ofDevice name: String) -> String? {
        if isName(name[...], first: isAlphanumeric, within: [".", "-", "_", ":"]) { return nil }
        return "\"\(name)\" is not the name of a device: letters, digits, '-', '_', '.' and ':'"
    }

    private static func isName(
        _ text: Substring, first: (Unicode.Scalar) -> Bool, within others: Set<Unicode.Scalar>
    ) -> Bool {
        guard let begin = text.unicodeScalars.first, let end = text.unicodeScalars.last, first(begin),
            isAlphanumeric(end)
        else { return false }
        return text.unicodeScalars.allSatisfy { isAlphanumeric($0) || others.contains($0) }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        isLetter(scalar) || ("0"..."9").contains(scalar)
    }
}
