import Diagnosis
import Logging
import NIOCore
import Synchronization

/// Brings images here: from a reference to layers that are unpacked.
///
/// All of its waits end with the task that they are in.
public final class Puller: Sendable {
    public struct Options: Sendable {
        /// The directory with one for each registry, in containerd's format; nil if there is none.
        public var registryDirectory: String?
        /// Which requests go through a proxy.
        public var proxies = ProxySettings()
        /// How many blobs are received at the same time from one registry, over all pulls.
        public var concurrentFetches = 3
        /// Whether blobs stay in `root/blobs` when they are unpacked.
        public var keepsBlobs = false
        /// How long a server may be silent, or send next to nothing, in seconds (``ProgressWatch``).
        public var patience = 60
        /// The largest blob of a layer that is fetched, in bytes.
        public var largestLayer: Int64 = 32 << 30
        /// The largest image that is fetched, in bytes: all layers together, as the manifest announces them.
        public var largestImage: Int64 = 256 << 30
        /// The most layers that an image may have: what overlayfs stacks.
        public var mostLayers = 500
        var retries = RetryPolicy()
        var platform = PlatformChoice.host

        public init() {}
    }

    private let options: Options
    private let sink: any LayerSink
    private let blobs: BlobStore
    private let transport: RegistryTransport
    private let authorizer: RegistryAuthorizer
    private let logger: Logger
    /// Documents that the caller has from earlier pulls.
    private let known: @Sendable (Digest) async -> [UInt8]?

    /// - Parameters:
    ///   - root: where `ingest` and `blobs` are.
    ///   - sink: unpacks layers.
    ///   - known: a manifest or a configuration by its digest, if it is here already; it is hashed before it is used.
    public init(
        root: String, sink: any LayerSink, options: Options = Options(), logger: Logger,
        known: @escaping @Sendable (Digest) async -> [UInt8]? = { _ in nil }
    ) throws(ImageError) {
        (self.options, self.sink, self.logger, self.known) = (options, sink, logger, known)
        blobs = try BlobStore(
            root: root, fetches: options.concurrentFetches, keepsBlobs: options.keepsBlobs)
        transport = RegistryTransport(
            proxies: options.proxies, patience: .seconds(Int64(options.patience)), logger: logger)
        authorizer = RegistryAuthorizer(transport: transport)
    }

    /// Closes the connections to registries. No pull may be running, and none may come after it.
    public func shutDown() async { await transport.shutDown() }

    /// Removes what broken pulls left to be gone on with, and what a killed daemon left.
    ///
    /// - Parameter age: only what has not been written to for so long, in seconds.
    /// - Returns: how many bytes that were.
    public func cleanIngest(olderThan age: Double = 0) async throws(ImageError) -> Int64 {
        try await blobs.clean(olderThan: age)
    }

    /// Asks the registry what a reference leads to, without fetching it.
    public func resolve(
        _ reference: ImageReference, credentials: RegistryCredentials? = nil
    ) async throws(ImageError) -> Digest {
        if let digest = reference.digest { return digest }
        let session = try session(reference, credentials)
        if let digest = try await session.resolvedDigest() { return digest }
        return try await session.resolve().digest
    }

    /// Fetches an image, and has its layers unpacked.
    ///
    /// - Parameter progress: is told of each layer, on any thread, and often.
    /// - Throws: what went wrong first. Layers that have been unpacked till then stay, and blobs that were received in
    ///   part are gone on with by the next pull.
    public func pull(
        _ reference: ImageReference, credentials: RegistryCredentials? = nil,
        progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws(ImageError) -> PulledContent {
        let session = try session(reference, credentials)
        let top: RegistrySession.Document
        if let digest = reference.digest {
            top = try await document(.manifests, digest, size: nil, session)
        } else {
            top = try await session.resolve()
        }
        let (manifest, config, layers) = try await image(top, session)
        let configDocument = try await document(.blobs, config.digest, size: config.size, session)
        let configuration = try ImageConfiguration(configDocument.bytes, name: reference.description)
        try options.platform.check(configuration, name: reference.description)
        let steps = try plan(layers, configuration, reference)
        try await unpack(steps, session, progress)
        return PulledContent(
            reference: reference, resolvedDigest: top.digest, manifestDigest: manifest.digest,
            manifest: manifest.bytes,
            configDigest: config.digest, config: configDocument.bytes, configuration: configuration,
            chainIDs: steps.map(\.chainID), layersSize: layers.reduce(0) { $0 + $1.size })
    }

    private func session(
        _ reference: ImageReference, _ credentials: RegistryCredentials?
    ) throws(ImageError) -> RegistrySession {
        try RegistrySession(
            reference, credentials: credentials,
            directory: RegistryDirectory(path: options.registryDirectory),
            transport: transport, authorizer: authorizer, policy: options.retries, logger: logger)
    }

    // MARK: Documents

    private func document(
        _ kind: RegistrySession.Kind, _ digest: Digest, size: Int64?, _ session: RegistrySession
    ) async throws(ImageError) -> RegistrySession.Document {
        if let bytes = await known(digest), Digest(of: bytes) == digest,
            size.map({ $0 == bytes.count }) ?? true
        {
            return RegistrySession.Document(bytes: bytes, digest: digest)
        }
        let document = try await session.document(kind, digest, size: size)
        if let size, size != document.bytes.count {
            throw ImageError(
                .corrupt, doing: "fetch \(digest) of \(session.reference.name)",
                "it has \(document.bytes.count) bytes; what leads to it says \(size)")
        }
        return document
    }

    /// Follows indexes to the image for this machine.
    private func image(
        _ top: RegistrySession.Document, _ session: RegistrySession
    ) async throws(ImageError) -> (RegistrySession.Document, config: Descriptor, layers: [Descriptor]) {
        let name = session.reference.description
        var document = top
        var type = top.mediaType
        // Indexes may be in indexes; nobody makes more of it than this.
        for _ in 0..<4 {
            switch try ManifestDocument(document.bytes, contentType: type, name: name) {
            case .image(let config, let layers): return (document, config, layers)
            case .index(let entries):
                let entry = try options.platform.choose(entries, name: name)
                document = try await self.document(.manifests, entry.digest, size: entry.size, session)
                type = entry.mediaType
            }
        }
        throw ImageError(
            .corrupt, doing: "manifest of \(name)", "indexes lead to indexes, more than four deep")
    }

    /// One layer of the image.
    private struct Step: Sendable {
        var index: Int
        var descriptor: Descriptor
        var compression: LayerCompression
        var diffID: Digest
        var parent: Digest?
        var chainID: Digest
    }

    private func plan(
        _ layers: [Descriptor], _ configuration: ImageConfiguration, _ reference: ImageReference
    ) throws(ImageError) -> [Step] {
        let doing = "manifest of \(reference)"
        guard layers.count == configuration.diffIDs.count else {
            throw ImageError(
                .corrupt, doing: doing,
                "it has \(layers.count) layers, and its configuration \(configuration.diffIDs.count) diffIDs")
        }
        guard layers.count <= options.mostLayers else {
            throw ImageError(
                .exhausted, doing: doing, "it has \(layers.count) layers; \(options.mostLayers) are allowed")
        }
        let chain = Digest.chainIDs(of: configuration.diffIDs)
        var steps: [Step] = []
        var announced: Int64 = 0
        for (index, layer) in layers.enumerated() {
            let place = "\(doing): /layers/\(index)"
            guard layer.urls.isEmpty else {
                throw ImageError(
                    .invalid, doing: "\(place)/urls",
                    "layers from elsewhere than the registry are not supported")
            }
            guard layer.size <= options.largestLayer else {
                throw ImageError(
                    .exhausted, doing: "\(place)/size",
                    "\(layer.size) bytes; \(options.largestLayer) are allowed")
            }
            let (sum, overflow) = announced.addingReportingOverflow(layer.size)
            guard !overflow, sum <= options.largestImage else {
                throw ImageError(
                    .exhausted, doing: "\(place)/size",
                    "\(layer.size) bytes, beside \(announced) of the layers before; "
                        + "\(options.largestImage) are allowed for all",
                    remedy: "if the image is to be trusted, raise the limit")
            }
            announced = sum
            let compression: LayerCompression
            switch MediaType.compression(ofLayer: layer.mediaType) {
            case .success(let known): compression = known
            case .failure(let fault): throw ImageError(.invalid, doing: "\(place)/mediaType", fault.reason)
            }
            steps.append(
                Step(
                    index: index, descriptor: layer, compression: compression,
                    diffID: configuration.diffIDs[index],
                    parent: index > 0 ? chain[index - 1] : nil, chainID: chain[index]))
        }
        return steps
    }

    // MARK: Layers

    /// Fetches layers side by side, and has each unpacked as soon as it and all below it are there.
    private func unpack(
        _ steps: [Step], _ session: RegistrySession, _ progress: (@Sendable (PullProgress) -> Void)?
    ) async throws(ImageError) {
        @Sendable func tell(_ step: Step, _ phase: PullProgress.Phase, _ received: Int64) {
            progress?(
                PullProgress(
                    index: step.index, count: steps.count, layer: step.descriptor.digest, phase: phase,
                    received: received, size: step.descriptor.size))
        }
        let leases = steps.map { blobs.lease($0.descriptor, of: session.reference.host) }
        let result: Result<Void, ImageError> = await withTaskGroup(
            of: (Int, Result<String?, ImageError>).self
        ) { group in
            for (step, lease) in zip(steps, leases) {
                group.addTask {
                    do throws(ImageError) {
                        // The lease came first: a pull that unpacks this layer now either leaves its blob to us, or
                        // has the layer there before it lets go of the blob.
                        if try await self.sink.hasLayer(chainID: step.chainID) {
                            return (step.index, .success(nil))
                        }
                        tell(step, .fetching, 0)
                        let path = try await self.blobs.fetch(lease, session) { tell(step, .fetching, $0) }
                        tell(step, .unpacking, step.descriptor.size)
                        return (step.index, .success(path))
                    } catch {
                        return (step.index, .failure(error))
                    }
                }
            }
            var fetched: [Int: String?] = [:]
            var next = 0
            do throws(ImageError) {
                while let (index, outcome) = await group.next() {
                    fetched[index] = try outcome.get()
                    while next < steps.count, let path = fetched[next] {
                        let step = steps[next]
                        if let path {
                            try await unpack(step, path)
                            await blobs.release(leases[next])
                        }
                        tell(step, path == nil ? .present : .done, step.descriptor.size)
                        next += 1
                    }
                }
                return .success(())
            } catch {
                group.cancelAll()
                return .failure(error)
            }
        }
        for lease in leases { await blobs.release(lease) }
        try result.get()
    }

    private func unpack(_ step: Step, _ path: String) async throws(ImageError) {
        if Task.isCancelled { throw .cancelled("unpack layer \(step.descriptor.digest)") }
        // Another pull may have been quicker.
        if try await sink.hasLayer(chainID: step.chainID) { return }
        do throws(ImageError) {
            try await sink.unpack(
                blobAt: path, compression: step.compression, diffID: step.diffID, parent: step.parent)
        } catch {
            var error = error
            let doing = error.failure.doing
            error.failure.doing = "layer \(step.descriptor.digest)" + (doing.isEmpty ? "" : ": \(doing)")
            throw error
        }
    }
}
