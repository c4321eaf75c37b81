import Foundation
import GRDB

/// An image as it is recorded.
public struct ImageRecord: Sendable, Equatable {
    /// The digest of its configuration, which is what the interface calls the image's id.
    public var id: Digest
    /// The configuration (image-spec, config.md), as it came.
    public var config: [UInt8]
    /// Of the manifest it was pulled by last.
    public var manifestDigest: Digest
    /// Bytes; what is shown to users.
    public var size: Int64
    /// When it was recorded first: nanoseconds since 1970.
    public var created: Int64
    /// Whether garbage collectors outside, such as the kubelet's, are asked to leave it alone.
    public var isPinned: Bool
    /// `NAME:TAG`, in the normal form, sorted.
    public var tags: [String]
    /// `NAME@sha256:…`, in the normal form, sorted.
    public var digests: [String]
    /// Of the manifest that it was pulled by last, as far as they are kept (``ImageAnnotations``).
    public var annotations: [String: String]
    /// The runtime handlers that it was asked for with, sorted; empty is the default one. An image is the same for all of
    /// them: this is for clients that keep images and handlers together (KEP-4216). Never none.
    public var handlers: [String]

    init(row: Row, names: [String], handlers: [String]) throws {
        guard let id = Digest(hex: row["id"] as String),
            let manifest = Digest(hex: row["manifest_digest"] as String)
        else {
            throw ImageError(.internal, doing: "read the record of an image", "a digest in it is none")
        }
        self.id = id
        config = [UInt8](row["config"] as Data)
        manifestDigest = manifest
        size = row["size"]
        created = row["created"]
        isPinned = row["pinned"]
        let sorted = names.sorted()
        tags = sorted.filter { !$0.utf8.contains(UInt8(ascii: "@")) }
        digests = sorted.filter { $0.utf8.contains(UInt8(ascii: "@")) }
        annotations = try ImageAnnotations.decode(row["annotations"])
        self.handlers = handlers.isEmpty ? [""] : handlers.sorted()
    }
}

/// An image whose layers are there, to be recorded.
public struct NewImage: Sendable {
    /// The digest of the configuration.
    public var id: Digest
    public var config: [UInt8]
    public var manifestDigest: Digest
    /// Bytes; more than 0 (api.proto, Image.size).
    public var size: Int64
    /// In the normal form: `NAME:TAG`, `NAME@sha256:…`.
    public var names: [String]
    /// Of its layers, from the base upwards (``Digest/chainIDs(of:)``).
    public var chainIDs: [Digest]
    public var isPinned: Bool
    public var annotations: [String: String]
    /// The runtime handler that it was pulled for; empty is the default one.
    public var handler: String

    public init(
        id: Digest, config: [UInt8], manifestDigest: Digest, size: Int64, names: [String], chainIDs: [Digest],
        isPinned: Bool = false, annotations: [String: String] = [:], handler: String = ""
    ) {
        self.id = id
        self.config = config
        self.manifestDigest = manifestDigest
        self.size = size
        self.names = names
        self.chainIDs = chainIDs
        self.isPinned = isPinned
        self.annotations = annotations
        self.handler = handler
    }
}
