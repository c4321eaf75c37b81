/// The kinds of documents and blobs that images are made of (image-spec, media-types.md; Docker's "Image Manifest V2,
/// Schema 2").
enum MediaType {
    static let ociIndex = "application/vnd.oci.image.index.v1+json"
    static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
    static let ociConfig = "application/vnd.oci.image.config.v1+json"
    static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    static let dockerConfig = "application/vnd.docker.container.image.v1+json"
    static let dockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json"
    static let dockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"

    /// What a registry is told that we understand.
    static let acceptedManifests = [ociIndex, ociManifest, dockerList, dockerManifest]

    static func isIndex(_ type: String) -> Bool { type == ociIndex || type == dockerList }
    static func isManifest(_ type: String) -> Bool { type == ociManifest || type == dockerManifest }
    static func isConfig(_ type: String) -> Bool { type == ociConfig || type == dockerConfig }
    static func isSchema1(_ type: String) -> Bool { type == dockerSchema1 || type == dockerSchema1Signed }

    private static let layers: [String: LayerCompression] = [
        "application/vnd.oci.image.layer.v1.tar": .none,
        "application/vnd.oci.image.layer.v1.tar+gzip": .gzip,
        "application/vnd.oci.image.layer.v1.tar+zstd": .zstd,
        "application/vnd.docker.image.rootfs.diff.tar": .none,
        "application/vnd.docker.image.rootfs.diff.tar.gzip": .gzip,
        "application/vnd.docker.image.rootfs.diff.tar.zstd": .zstd,
    ]

    /// How a layer of this type is packed.
    ///
    /// - Returns: the compression, or why there can be none.
    static func compression(ofLayer type: String) -> Result<LayerCompression, Unsupported> {
        if let known = layers[type] { return .success(known) }
        if type.hasSuffix("+encrypted") {
            return .failure(
                Unsupported(reason: "layers of type \"\(type)\" are encrypted, which is not supported"))
        }
        if type.contains("nondistributable") || type.contains("rootfs.foreign") {
            return .failure(
                Unsupported(
                    reason:
                        "layers of type \"\(type)\" are to be had from elsewhere than the registry, which is "
                        + "not supported"))
        }
        return .failure(Unsupported(reason: "\"\(type)\" is not a type of layers that is known"))
    }

    struct Unsupported: Error { var reason: String }

    /// The type without parameters such as `; charset=utf-8`.
    static func essence(_ header: String) -> String {
        header.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
    }
}
