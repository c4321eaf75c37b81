import Kernel

/// The path of an archive's entry, below the layer's root and without `.`, `..` and empty names.
///
/// A leading slash is dropped, as tar programs do. A `..` is refused wherever it stands: no program that makes images
/// writes one, and what it would lead to is anybody's guess.
struct EntryPath: Hashable {
    /// The names with a slash between two; empty for the layer's root.
    private(set) var bytes: [UInt8] = []
    /// How many names there are.
    private(set) var depth = 0

    static let root = EntryPath()

    private init() {}

    /// - Parameter what: for the message of an error, as in `the entry`, `the link's target`.
    init(cleaning raw: [UInt8], what: String, limits: UnpackLimits) throws(ImageError) {
        guard raw.count <= limits.pathBytes else {
            throw limits.passed(
                "pathBytes", limits.pathBytes,
                "\(what) \(RawPath(raw.prefix(80)))... has a path of \(raw.count) bytes")
        }
        for name in raw.split(separator: UInt8(ascii: "/")) {
            if name.elementsEqual([0x2e]) { continue }
            guard !name.elementsEqual([0x2e, 0x2e]) else {
                throw ImageError(
                    .corrupt, doing: "unpack a layer", "\(what) \(RawPath(raw)) has .. in its path")
            }
            append(name)
        }
        guard depth <= limits.depth else {
            throw limits.passed(
                "depth", limits.depth, "\(what) \(RawPath(bytes.prefix(80)))... has a path of \(depth) names")
        }
    }

    var isRoot: Bool { bytes.isEmpty }

    /// The names from the root downwards.
    var names: [RawPath] { bytes.split(separator: UInt8(ascii: "/")).map { RawPath($0) } }

    /// The last name; of the root, `.`.
    var name: RawPath {
        if isRoot { return RawPath(".") }
        return RawPath(bytes[(lastSlash.map { $0 + 1 } ?? 0)...])
    }

    /// Where the entry is in; the root is in itself.
    var parent: EntryPath {
        var parent = EntryPath()
        if let lastSlash {
            parent.bytes = Array(bytes[..<lastSlash])
            parent.depth = depth - 1
        }
        return parent
    }

    func appending(_ name: RawPath) -> EntryPath {
        var path = self
        path.append(name.bytes)
        return path
    }

    /// As the kernel takes it, relative to the layer's root.
    var raw: RawPath { isRoot ? RawPath(".") : RawPath(bytes) }

    private var lastSlash: Int? { bytes.lastIndex(of: UInt8(ascii: "/")) }

    private mutating func append(_ name: ArraySlice<UInt8>) {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: "/")) }
        bytes += name
        depth += 1
    }
}

extension EntryPath: CustomStringConvertible {
    var description: String { isRoot ? "/" : RawPath(bytes).description }
}
