/// How much of an image is unpacked: what is beyond is taken for an attack.
public struct UnpackLimits: Sendable, Equatable {
    /// Bytes of one layer's archive, with all headers and padding.
    public var layerBytes: UInt64
    /// Bytes of disk that an image's layers take together, and bytes of their archives together.
    public var imageBytes: UInt64
    /// Entries of the archives of an image's layers together, and directories made because an entry is in them.
    public var entries: UInt64
    /// Names in one path.
    public var depth: Int
    /// Bytes of one path.
    public var pathBytes: Int
    /// Bytes of one entry's headers in the archive, with what belongs to them: extended attributes, the map of a sparse
    /// file.
    public var headerBytes: UInt64
    /// How many times as large as its blob an archive may be, and all of an image's as large as theirs.
    public var ratio: UInt64
    /// Archives of up to so many bytes, all layers together, may have any ratio: a file of zeros packs well.
    public var ratioFloor: UInt64

    public init(
        layerBytes: UInt64 = 64 << 30, imageBytes: UInt64 = 256 << 30, entries: UInt64 = 5_000_000,
        depth: Int = 255, pathBytes: Int = 4095, headerBytes: UInt64 = 1 << 20, ratio: UInt64 = 250,
        ratioFloor: UInt64 = 1 << 30
    ) {
        self.layerBytes = layerBytes
        self.imageBytes = imageBytes
        self.entries = entries
        self.depth = depth
        self.pathBytes = pathBytes
        self.headerBytes = headerBytes
        self.ratio = max(ratio, 1)
        self.ratioFloor = ratioFloor
    }

    var headerPassed: ImageError {
        passed("headerBytes", headerBytes, "the headers of one entry are larger")
    }

    /// The error for a limit that an archive passes.
    func passed(_ name: String, _ limit: some BinaryInteger, _ reason: String) -> ImageError {
        ImageError(
            .exhausted, doing: "unpack a layer", "\(reason); the limit \(name) is \(limit)",
            remedy: "if the image is to be trusted, raise the limit")
    }
}
