import Diagnosis

/// The versions of the CDI specification ("Released versions").
enum CDIVersion: String, Sendable, CaseIterable, Comparable {
    case v010 = "0.1.0"
    case v020 = "0.2.0"
    case v030 = "0.3.0"
    case v040 = "0.4.0"
    case v050 = "0.5.0"
    case v060 = "0.6.0"
    case v070 = "0.7.0"
    case v080 = "0.8.0"
    case v100 = "1.0.0"
    case v110 = "1.1.0"

    static func < (left: CDIVersion, right: CDIVersion) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The version that a document names, with or without a `v` before it.
    init?(named text: String) { self.init(rawValue: text.hasPrefix("v") ? String(text.dropFirst()) : text) }

    /// Something in a document that older versions have no word for.
    struct Use: Sendable {
        var pointer: Pointer
        var since: CDIVersion
    }
}
