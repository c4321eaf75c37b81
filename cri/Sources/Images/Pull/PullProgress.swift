/// How far one layer of a pull is.
public struct PullProgress: Sendable, Equatable {
    public enum Phase: Sendable, Equatable {
        /// It need not be fetched: it is unpacked already.
        case present
        /// It waits for others to be fetched first, or has begun; see `received`.
        case fetching
        /// It is being unpacked, or waits for the layer below.
        case unpacking
        case done
    }

    /// Which of the image's layers, from 0, the base.
    public let index: Int
    /// How many layers the image has.
    public let count: Int
    /// The digest of the layer's blob.
    public let layer: Digest
    public let phase: Phase
    /// How many bytes of the blob are there.
    public let received: Int64
    /// How many bytes the blob has.
    public let size: Int64
}

/// What a pull came to: all about the image but its layers, which are unpacked.
public struct PulledContent: Sendable {
    /// What was asked for.
    public let reference: ImageReference
    /// What the reference leads to: an index's digest, or `manifestDigest`. `NAME@` this is the image's repo digest.
    public let resolvedDigest: Digest
    /// Of the image's own manifest, the one for this machine.
    public let manifestDigest: Digest
    public let manifest: [UInt8]
    /// The image's id.
    public let configDigest: Digest
    public let config: [UInt8]
    public let configuration: ImageConfiguration
    /// Of the layers, from the base upwards.
    public let chainIDs: [Digest]
    /// Of the layers' blobs together, packed as they are in the registry.
    public let layersSize: Int64

    /// What the image takes up in a registry: manifest, configuration and layers.
    public var size: Int64 { Int64(manifest.count) + Int64(config.count) + layersSize }
}
