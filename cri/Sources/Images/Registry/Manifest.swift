import Foundation

/// What is said of a blob or a document before it is fetched (image-spec, descriptor.md).
struct Descriptor: Sendable, Hashable, Decodable {
    var mediaType: String
    var digest: Digest
    var size: Int64
    /// Where else a blob may be had; no such blob is taken.
    var urls: [String]
    var platform: Platform?

    init(mediaType: String, digest: Digest, size: Int64, urls: [String] = [], platform: Platform? = nil) {
        (self.mediaType, self.digest, self.size, self.urls) = (mediaType, digest, size, urls)
        self.platform = platform
    }

    init(from decoder: any Swift.Decoder) throws {
        let fields = try decoder.container(keyedBy: Field.self)
        mediaType = MediaType.essence(try fields.decode(String.self, forKey: .mediaType))
        let written = try fields.decode(String.self, forKey: .digest)
        guard let known = Digest(written) else {
            throw DecodingError.dataCorruptedError(
                forKey: .digest, in: fields,
                debugDescription: "\"\(written.prefix(160))\" is not a digest that is supported")
        }
        digest = known
        size = try fields.decode(Int64.self, forKey: .size)
        guard size >= 0 else {
            throw DecodingError.dataCorruptedError(
                forKey: .size, in: fields, debugDescription: "\(size) is below nought")
        }
        urls = try fields.decodeIfPresent([String].self, forKey: .urls) ?? []
        platform = try fields.decodeIfPresent(Platform.self, forKey: .platform)
    }

    private enum Field: String, CodingKey { case mediaType, digest, size, urls, platform }
}

/// The document that a reference leads to: an index of images for several platforms, or one image.
enum ManifestDocument: Sendable, Equatable {
    /// image-spec, image-index.md; Docker's manifest list.
    case index([Descriptor])
    /// image-spec, manifest.md; Docker's schema 2. The layers are from the base upwards.
    case image(config: Descriptor, layers: [Descriptor])

    private struct Fields: Decodable {
        var schemaVersion: Int
        var mediaType: String?
        var artifactType: String?
        var manifests: [Descriptor]?
        var config: Descriptor?
        var layers: [Descriptor]?
        /// Schema 1's.
        var fsLayers: [Ignored]?
        struct Ignored: Decodable {}
    }

    /// - Parameters:
    ///   - contentType: what the registry calls it, or the descriptor that led here.
    ///   - name: whose it is, for errors.
    init(_ bytes: [UInt8], contentType: String?, name: String) throws(ImageError) {
        let announced = contentType.map(MediaType.essence)
        if let announced, MediaType.isSchema1(announced) { throw Self.schema1(name) }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(bytes))
        } catch {
            throw ImageError(.corrupt, doing: "manifest of \(name)", JSONFault.describe(error))
        }
        if fields.schemaVersion == 1 || fields.fsLayers != nil { throw Self.schema1(name) }
        guard fields.schemaVersion == 2 else {
            throw ImageError(
                .invalid, doing: "manifest of \(name)",
                "/schemaVersion: version \(fields.schemaVersion) is not supported")
        }
        let known = announced.flatMap { MediaType.isIndex($0) || MediaType.isManifest($0) ? $0 : nil }
        let own = fields.mediaType.map(MediaType.essence)
        // One document that is an index to some and an image to others would have two meanings under one digest.
        if let known, let own, known != own {
            throw ImageError(
                .corrupt, doing: "manifest of \(name)",
                "/mediaType says \"\(own)\", and it was announced as \"\(known)\"")
        }
        if fields.manifests != nil, fields.layers != nil || fields.config != nil {
            throw ImageError(
                .corrupt, doing: "manifest of \(name)", "has both /manifests and /layers or /config")
        }
        if let type = own ?? known, !MediaType.isIndex(type), !MediaType.isManifest(type) {
            throw ImageError(
                .invalid, doing: "manifest of \(name)", "documents of type \"\(type)\" are not supported")
        }
        if let manifests = fields.manifests, (own ?? known).map(MediaType.isIndex) ?? true {
            self = .index(manifests)
        } else if let config = fields.config, let layers = fields.layers,
            (own ?? known).map(MediaType.isManifest) ?? true
        {
            guard MediaType.isConfig(config.mediaType) else {
                throw ImageError(
                    .invalid, doing: "manifest of \(name)",
                    "it is an artifact of type \"\(fields.artifactType ?? config.mediaType)\", not an image")
            }
            self = .image(config: config, layers: layers)
        } else {
            throw ImageError(
                .corrupt, doing: "manifest of \(name)",
                "has neither /manifests nor /config and /layers as its type wants")
        }
    }

    private static func schema1(_ name: String) -> ImageError {
        ImageError(
            .invalid, doing: "manifest of \(name)", "Docker's schema 1 is not supported",
            remedy: "push the image again with a tool of this decade")
    }
}

/// What JSONDecoder found, with the place as a JSON pointer.
enum JSONFault {
    static func describe(_ error: any Error) -> String {
        func pointer(_ path: [any CodingKey]) -> String {
            path.map { "/" + ($0.intValue.map(String.init) ?? $0.stringValue) }.joined()
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?: return "\(pointer(context.codingPath + [key])): is missing"
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            return "\(pointer(context.codingPath)): \(context.debugDescription)"
        case .dataCorrupted(let context)?:
            let place = pointer(context.codingPath)
            return place.isEmpty
                ? "is not JSON: \(context.debugDescription)" : "\(place): \(context.debugDescription)"
        default: return "is not JSON: \(error)"
        }
    }
}
