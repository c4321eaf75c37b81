/// The versions of the CNI specification that are spoken here. Those before 0.3.0 have neither lists of plugins nor
/// results with interfaces.
public enum CNIVersion: String, Sendable, CaseIterable, Comparable {
    case v030 = "0.3.0"
    case v031 = "0.3.1"
    case v040 = "0.4.0"
    case v100 = "1.0.0"
    case v110 = "1.1.0"

    public static func < (left: CNIVersion, right: CNIVersion) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// CHECK, and a previous result for DEL.
    var hasCheck: Bool { self >= .v040 }
    /// GC and STATUS.
    var hasGarbageCollection: Bool { self >= .v110 }
    /// Whether each address says of which family it is.
    var namesFamilies: Bool { self < .v100 }

    /// `0.3.0, 0.3.1, …`
    static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// Whether a text has the form of a version: three numbers with dots between them.
    static func isVersion(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts.allSatisfy { UInt32($0) != nil && $0.first != "+" }
    }
}
