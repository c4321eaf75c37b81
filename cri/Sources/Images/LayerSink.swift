/// How the bytes of a layer's blob are packed. What is inside is a tar archive always.
public enum LayerCompression: String, Sendable, Equatable {
    case none
    case gzip
    case zstd
}

/// Where fetched layers are unpacked: the other half of a pull, so that fetching one layer and unpacking another
/// overlap.
///
/// A layer is known by its chainID (image-spec, config.md, "Layer ChainID"): what it is together with all below it.
public protocol LayerSink: Sendable {
    /// Whether the layer is there, whole: then its blob is not fetched.
    func hasLayer(chainID: Digest) async throws(ImageError) -> Bool

    /// Unpacks a blob whose digest has been checked. It is called for each layer of an image in order, from the base
    /// upwards, after the one below is there; two pulls may ask for the same layer at the same time.
    ///
    /// - Parameters:
    ///   - path: the blob. It is removed by the caller after the call, whatever came of it.
    ///   - diffID: the digest of the archive without its compression, which is to be checked.
    ///   - chainID: of the layer below; nil for the base.
    /// - Throws: `corrupt` where the archive is not what was announced, `exhausted` where a limit is passed or the
    ///   disk is full; nothing is left behind then.
    func unpack(
        blobAt path: String, compression: LayerCompression, diffID: Digest, parent chainID: Digest?
    ) async throws(ImageError)
}

extension Digest {
    /// The chainID of a layer above `parent` (image-spec, config.md, "Layer ChainID"): the base's is its diffID, any
    /// other's the digest of `PARENT DIFFID`.
    public static func chainID(of diffID: Digest, above parent: Digest?) -> Digest {
        guard let parent else { return diffID }
        return Digest(of: "\(parent) \(diffID)".utf8)
    }

    /// The chainIDs of an image's layers, from the base upwards.
    public static func chainIDs(of diffIDs: [Digest]) -> [Digest] {
        var parent: Digest?
        return diffIDs.map { diffID in
            let chain = chainID(of: diffID, above: parent)
            parent = chain
            return chain
        }
    }
}
