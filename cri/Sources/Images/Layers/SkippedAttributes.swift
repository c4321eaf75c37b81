import Kernel

/// Names of extended attributes that a file system does not take, for a message: the first ones, each once. An archive
/// may have any number of them.
struct SkippedAttributes: Equatable, Sendable, CustomStringConvertible {
    static let most = 16

    private(set) var names: Set<String> = []
    private var hasMore = false

    var isEmpty: Bool { names.isEmpty }

    mutating func add(_ name: RawPath) {
        if names.count < Self.most {
            names.insert(name.description)
        } else if !names.contains(name.description) {
            hasMore = true
        }
    }

    var description: String { names.sorted().joined(separator: ", ") + (hasMore ? " and others" : "") }
}
