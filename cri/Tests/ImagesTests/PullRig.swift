import Foundation
import Logging
import Synchronization
import Testing

@testable import Images

/// An image whose layers are some bytes: nobody unpacks them here.
struct FakeImage: Sendable {
    var layers: [[UInt8]]
    var config: [UInt8]
    var manifest: [UInt8]
    var layerTypes: [String]

    static let platform = PlatformChoice.host.architecture

    init(
        _ layers: [[UInt8]], architecture: String = FakeImage.platform,
        layerType: String = "application/vnd.oci.image.layer.v1.tar+gzip"
    ) {
        self.layers = layers
        layerTypes = layers.map { _ in layerType }
        let diffIDs = layers.indices.map { "\"\(Self.diffID($0))\"" }.joined(separator: ",")
        config = Array(
            #"{"architecture":"\#(architecture)","os":"linux","rootfs":{"type":"layers","diff_ids":[\#(diffIDs)]}}"#
                .utf8)
        let entries = zip(layers, layerTypes).map { Self.descriptor($0, $1) }.joined(separator: ",")
        let parts = #""config":\#(Self.descriptor(config, MediaType.ociConfig)),"layers":[\#(entries)]"#
        manifest = Array(#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)",\#(parts)}"#.utf8)
    }

    static func diffID(_ index: Int) -> Digest { Digest(of: "diff \(index)".utf8) }
    static func descriptor(_ bytes: [UInt8], _ type: String, _ more: String = "", size: Int? = nil) -> String
    {
        #"{"mediaType":"\#(type)","digest":"\#(Digest(of: bytes))","size":\#(size ?? bytes.count)\#(more)}"#
    }

    /// What the file of a layer's blob is called, of the registry at this `host[:port]`.
    func fileName(_ index: Int, of registry: String) -> String {
        "\(Digest(of: layers[index]).hex)-\(Digest(of: registry.utf8).hex.prefix(16))"
    }

    var digest: Digest { Digest(of: manifest) }
    func blobPath(_ index: Int) -> String { "/blobs/\(Digest(of: layers[index]))" }

    /// Answers as a registry that has the image, under any name and tag.
    func answer(_ request: FakeRegistry.Request) -> FakeRegistry.Reply {
        if request.path.contains("/manifests/") {
            return .init(headers: [("Content-Type", MediaType.ociManifest)], body: manifest)
        }
        guard
            let bytes = (layers + [config]).first(where: {
                request.path.hasSuffix("/blobs/\(Digest(of: $0))")
            })
        else { return .status(.notFound) }
        guard let start = request.rangeStart, start < bytes.count else { return .init(body: bytes) }
        let range = "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"
        return .init(
            status: .partialContent, headers: [("Content-Range", range)], body: Array(bytes[start...]))
    }

    static func noise(_ count: Int, _ seed: UInt8) -> [UInt8] {
        var value = UInt32(seed) &+ 1
        return (0..<count).map { _ in
            value = value &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: value >> 24)
        }
    }
}

/// Notes what it is given.
final class FakeSink: LayerSink {
    struct Unpacked: Sendable, Equatable {
        var bytes: [UInt8]
        var compression: LayerCompression
        var diffID: Digest
        var parent: Digest?
    }

    private let state = Mutex<[Unpacked]>([])
    private let present: Set<Digest>
    private let failure: ImageError?
    var unpacked: [Unpacked] { state.withLock { $0 } }

    init(present: Set<Digest> = [], failure: ImageError? = nil) {
        (self.present, self.failure) = (present, failure)
    }

    func hasLayer(chainID: Digest) async throws(ImageError) -> Bool {
        present.contains(chainID)
            || unpacked.contains { Digest.chainID(of: $0.diffID, above: $0.parent) == chainID }
    }

    func unpack(
        blobAt path: String, compression: LayerCompression, diffID: Digest, parent chainID: Digest?
    ) async throws(ImageError) {
        if let failure { throw failure }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ImageError(.internal, doing: "unpack", "\(path) is not there")
        }
        let one = Unpacked(bytes: Array(data), compression: compression, diffID: diffID, parent: chainID)
        state.withLock { $0.append(one) }
    }
}

/// A puller, its directory and its sink.
struct Rig {
    let root: TemporaryDirectory
    let sink: FakeSink
    let puller: Puller

    init(
        sink: FakeSink = FakeSink(), root: TemporaryDirectory? = nil,
        _ change: (inout Puller.Options) -> Void = { _ in }
    )
        throws
    {
        let root = try root ?? TemporaryDirectory()
        var options = Puller.Options()
        options.retries.pause = .milliseconds(10)
        options.registryDirectory = "\(root.path)/certs.d"
        change(&options)
        (self.root, self.sink) = (root, sink)
        puller = try Puller(root: root.path, sink: sink, options: options, logger: Logger(label: "test"))
    }

    func pull(_ name: String, _ credentials: RegistryCredentials? = nil) async throws -> PulledContent {
        try await puller.pull(try ImageReference(name), credentials: credentials)
    }

    /// What is left on disk: nothing, usually.
    func leftovers() throws -> [String] { try root.names(in: "ingest") + root.names(in: "blobs") }
}
