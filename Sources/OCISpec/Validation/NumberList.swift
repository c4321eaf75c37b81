import Diagnosis

/// A list of CPUs or memory nodes in the kernel's format (cpuset(7), "List format"): `0-3,7`.
public struct NumberList: Equatable, Sendable {
    /// As written, in document order; they may overlap.
    public private(set) var ranges: [ClosedRange<UInt32>] = []

    /// - Returns: nil if `text` is not such a list. An empty text is the empty list.
    public init?(_ text: String) {
        if text.isEmpty { return }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = Self.number(ends[0]) else { return nil }
            let last: UInt32
            if ends.count == 2 {
                guard let number = Self.number(ends[1]), number >= first else { return nil }
                last = number
            } else {
                last = first
            }
            ranges.append(first...last)
        }
    }

    private static func number(_ text: Substring) -> UInt32? {
        // UInt32.init takes a sign.
        guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else {
            return nil
        }
        return UInt32(text)
    }
}

func validateNumberList(_ text: String?, at pointer: () -> Pointer) throws(Failure) {
    guard let text, NumberList(text) == nil else { return }
    throw Failure(at: pointer(), "\(quoted(text)) is not a list of numbers and ranges such as \"0-3,7\"")
}
