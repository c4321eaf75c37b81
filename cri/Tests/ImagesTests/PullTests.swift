import Foundation
import NIOHTTP1
import Synchronization
import Testing

@testable import Images

@Suite("Pulls", .timeLimit(.minutes(1)))
struct PullTests {
    private let image = FakeImage([
        FakeImage.noise(300_000, 1), FakeImage.noise(200_000, 2), FakeImage.noise(10, 3),
    ])

    private func failure(_ body: () async throws -> PulledContent) async throws -> ImageError {
        let error = await #expect(throws: ImageError.self) { _ = try await body() }
        return try #require(error)
    }

    @Test("bring layers in order, and nothing stays but them")
    func plain() async throws {
        let registry = try await FakeRegistry { image.answer($0) }
        let rig = try Rig()
        let told = Mutex<[PullProgress]>([])
        let reference = try ImageReference("\(registry.authority)/a/b:t")
        let content = try await rig.puller.pull(reference) { step in told.withLock { $0.append(step) } }
        #expect(content.resolvedDigest == image.digest && content.manifestDigest == image.digest)
        #expect(content.configDigest == Digest(of: image.config) && content.config == image.config)
        #expect(content.layersSize == 500_010)
        #expect(content.size == Int64(500_010 + image.config.count + image.manifest.count))
        #expect(content.chainIDs == Digest.chainIDs(of: (0..<3).map(FakeImage.diffID)))
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        #expect(rig.sink.unpacked.map(\.parent) == [nil] + content.chainIDs.dropLast())
        #expect(rig.sink.unpacked.allSatisfy { $0.compression == .gzip })
        #expect(try rig.leftovers() == [])
        #expect(
            registry.requests.first?.headers.first(name: "Accept")?.contains(MediaType.dockerList) == true)
        #expect(told.withLock { $0.filter { $0.phase == .done } }.map(\.index) == [0, 1, 2])
        #expect(
            told.withLock { $0.contains { $0.phase == .fetching && $0.index == 0 && $0.received == 300_000 } }
        )
        // Once more: nothing is fetched that is here.
        let before = registry.count("/blobs/")
        _ = try await rig.pull("\(registry.authority)/a/b:t")
        #expect(registry.count("/blobs/") == before + 1)
        #expect(rig.sink.unpacked.count == 3)
        await rig.puller.shutDown()
    }

    @Test("follow an index to the image for this machine, and by digest")
    func index() async throws {
        let other = FakeImage([], architecture: "other")
        let entries = [(other, "other"), (image, FakeImage.platform)].map { image, architecture in
            FakeImage.descriptor(
                image.manifest, MediaType.ociManifest,
                #","platform":{"os":"linux","architecture":"\#(architecture)"}"#)
        }
        let index = Array(#"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#.utf8)
        let registry = try await FakeRegistry { request in
            guard request.path.hasSuffix("/manifests/t") || request.path.hasSuffix("\(Digest(of: index))")
            else {
                return image.answer(request)
            }
            return .init(
                headers: [
                    ("Content-Type", MediaType.ociIndex), ("Docker-Content-Digest", "\(Digest(of: index))"),
                ],
                body: index)
        }
        let rig = try Rig { $0.keepsBlobs = true }
        for name in ["\(registry.authority)/a:t", "\(registry.authority)/a:x@\(Digest(of: index))"] {
            let content = try await rig.pull(name)
            #expect(content.resolvedDigest == Digest(of: index) && content.manifestDigest == image.digest)
        }
        #expect(try rig.root.names(in: "blobs").count == 3)
        #expect(
            try await rig.puller.resolve(try ImageReference("\(registry.authority)/a:t")) == Digest(of: index)
        )
        #expect(registry.requests.last?.method == .HEAD)
    }

    @Test("what is cut off is gone on with where it was")
    func resume() async throws {
        let path = image.blobPath(0)
        let registry = try await FakeRegistry { request in
            var reply = image.answer(request)
            if request.path.hasSuffix(path), request.earlier < 3 { reply.cutAfter = 70_000 }
            return reply
        }
        let rig = try Rig()
        _ = try await rig.pull("\(registry.authority)/a:t")
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        let starts = registry.requests.filter { $0.path.hasSuffix(path) }.map(\.rangeStart)
        // Of what was on its way when the connection broke, a part may be lost.
        let begun = starts.map { $0 ?? 0 }
        #expect(begun.count == 4 && begun == begun.sorted() && Set(begun).count == 4, "\(starts)")
    }

    @Test("or from the start, where the server knows no ranges")
    func noRanges() async throws {
        let path = image.blobPath(0)
        let registry = try await FakeRegistry { request in
            if request.path.hasSuffix(path) {
                return .init(body: image.layers[0], cutAfter: request.earlier == 0 ? 100_000 : nil)
            }
            return image.answer(request)
        }
        let rig = try Rig()
        _ = try await rig.pull("\(registry.authority)/a:t")
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        let starts = registry.requests.filter { $0.path.hasSuffix(path) }.map(\.rangeStart)
        #expect(
            starts.count == 2 && starts[0] == nil && starts[1].map { (1...100_000).contains($0) } == true,
            "\(starts)")
    }

    @Test("what a killed daemon left is gone on with, if it is right")
    func leftOver() async throws {
        let registry = try await FakeRegistry { image.answer($0) }
        let root = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: "\(root.path)/ingest", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: "\(root.path)/blobs", withIntermediateDirectories: true)
        func leave(_ name: String, _ bytes: [UInt8]) {
            #expect(FileManager.default.createFile(atPath: "\(root.path)/\(name)", contents: Data(bytes)))
        }
        // The beginning of one, a wrong beginning of another, and the wrong whole of the third.
        func name(_ index: Int) -> String { image.fileName(index, of: registry.authority) }
        leave("ingest/\(name(0))", Array(image.layers[0][..<123_456]))
        leave("ingest/\(name(1))", [UInt8](repeating: 0, count: 50_000))
        leave("blobs/\(name(2))", [1, 2, 3])
        leave("ingest/\(String(repeating: "0", count: 64))", [1])
        let rig = try Rig(root: root)
        _ = try await rig.pull("\(registry.authority)/a:t")
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        func starts(_ index: Int) -> [Int?] {
            registry.requests.filter { $0.path.hasSuffix(image.blobPath(index)) }.map(\.rangeStart)
        }
        #expect(starts(0) == [123_456])
        #expect(starts(1) == [50_000, nil])
        #expect(starts(2) == [nil])
        #expect(try rig.leftovers().count == 1)
        #expect(try await rig.puller.cleanIngest(olderThan: 3600) == 0)
        #expect(try await rig.puller.cleanIngest() == 1)
        #expect(try rig.leftovers() == [])
    }

    @Test("wrong bytes, too many and too few are refused, and leave nothing")
    func wrong() async throws {
        let path = image.blobPath(1)
        let cases: [(String, @Sendable ([UInt8]) -> FakeRegistry.Reply)] = [
            ("has the digest", { .init(body: Array($0.dropLast()) + [$0[0] ^ 1]) }),
            ("announces 200001 bytes, the manifest 200000", { .init(body: $0 + [0]) }),
            ("announces 199999 bytes", { .init(body: $0.dropLast()) }),
            ("sends more than the 200000 bytes", { .init(body: $0 + [0], isChunked: true) }),
        ]
        for (message, reply) in cases {
            let registry = try await FakeRegistry { request in
                request.path.hasSuffix(path) ? reply(image.layers[1]) : image.answer(request)
            }
            let rig = try Rig()
            let error = try await failure { try await rig.pull("\(registry.authority)/a:t") }
            #expect(error.kind == .corrupt && error.description.contains(message), "\(error)")
            #expect(error.description.contains(registry.authority))
            #expect(try rig.root.names(in: "blobs") == [])
            #expect(
                try !rig.root.names(in: "ingest").contains(image.fileName(1, of: registry.authority)))
        }
    }

    @Test("a manifest that is not the one asked for, or too large, is refused")
    func wrongManifest() async throws {
        let registry = try await FakeRegistry { request in
            request.path.hasSuffix("/large")
                ? .init(body: [UInt8](repeating: 0x20, count: 9 << 20)) : image.answer(request)
        }
        let rig = try Rig()
        let asked = Digest(of: [1])
        let wrong = try await failure { try await rig.pull("\(registry.authority)/a@\(asked)") }
        #expect(
            wrong.kind == .corrupt && wrong.description.contains("digest \(image.digest), not \(asked)"),
            "\(wrong)")
        let large = try await failure { try await rig.pull("\(registry.authority)/a:large") }
        #expect(large.kind == .exhausted && large.description.contains("8388608"), "\(large)")
    }

    @Test("what cannot be had is refused by name")
    func refused() async throws {
        let missing = try await FakeRegistry { _ in
            .init(
                status: .notFound,
                body: Array(#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no\u001b[m"}]}"#.utf8))
        }
        let rig = try Rig()
        let error = try await failure { try await rig.pull("\(missing.authority)/a:t") }
        #expect(error.kind == .notFound && error.description.contains("MANIFEST_UNKNOWN no [m"), "\(error)")
        #expect(missing.requests.count == 1)
        let foreign = FakeImage([[1]], layerType: "application/vnd.oci.image.layer.nondistributable.v1.tar")
        let other = FakeImage([[1]], architecture: "other")
        for (image, kind, message) in [
            (foreign, ImageError.Kind.invalid, "/layers/0/mediaType"),
            (other, .notFound, "is for linux/other"),
        ] {
            let registry = try await FakeRegistry { image.answer($0) }
            let error = try await failure { try await rig.pull("\(registry.authority)/a:t") }
            #expect(error.kind == kind && error.description.contains(message), "\(error)")
        }
        #expect(try rig.leftovers() == [])
    }

    @Test("a failing server is asked again, as late as it wishes")
    func retries() async throws {
        let registry = try await FakeRegistry { request in
            if request.path.hasSuffix("/t"), request.earlier == 0 {
                return .status(.tooManyRequests, [("Retry-After", "1")])
            }
            if request.path.hasSuffix(image.blobPath(0)), request.earlier < 2 { return .status(.badGateway) }
            return image.answer(request)
        }
        let rig = try Rig()
        let start = ContinuousClock.now
        _ = try await rig.pull("\(registry.authority)/a:t")
        #expect(ContinuousClock.now - start >= .seconds(1))
        #expect(registry.count("/manifests/t") == 2 && registry.count(image.blobPath(0)) == 3)
        registry.answer { _ in .status(.serviceUnavailable, [("Retry-After", "3600")]) }
        let error = try await failure { try await rig.pull("\(registry.authority)/a:t") }
        #expect(error.kind == .unavailable && error.description.contains("try again in 3600 s"), "\(error)")
        registry.answer { _ in .status(.internalServerError) }
        _ = try await failure { try await rig.pull("\(registry.authority)/a:never") }
        #expect(registry.count("/manifests/never") == 5)
        // And nobody there at all.
        let dead = try await FakeRegistry()
        try await dead.close()
        let gone = try await failure { try await rig.pull("\(dead.authority)/a:t") }
        #expect(gone.kind == .unavailable && gone.description.contains("ECONNREFUSED"), "\(gone)")
    }

    @Test("an image whose manifest announces too much altogether is refused before anything is fetched")
    func tooMuch() async throws {
        let registry = try await FakeRegistry { image.answer($0) }
        let rig = try Rig {
            $0.largestLayer = 300_000
            $0.largestImage = 500_000
        }
        let error = try await failure { try await rig.pull("\(registry.authority)/a:t") }
        #expect(error.kind == .exhausted)
        #expect(
            error.description.contains("/layers/2/size: 10 bytes, beside 500000 of the layers before"),
            "\(error)")
        #expect(image.layers.indices.allSatisfy { registry.count(image.blobPath($0)) == 0 })
    }

    @Test("mirrors come first, say no to nobody, and are told whose image it is")
    func mirrors() async throws {
        let path = image.blobPath(0)
        let upstream = try await FakeRegistry { image.answer($0) }
        let mirror = try await FakeRegistry { request in
            // Half of the first layer, and nothing of the second.
            var reply = image.answer(request)
            if request.path.hasSuffix(path) { reply.cutAfter = request.earlier == 0 ? 100_000 : 0 }
            return request.path.hasSuffix(image.blobPath(1)) ? .status(.notFound) : reply
        }
        let dead = try await FakeRegistry()
        try await dead.close()
        let rig = try Rig()
        try rig.root.write(
            "certs.d/r.io/hosts.toml",
            """
            server = "http://\(upstream.authority)"
            [host."http://\(dead.authority)"]
            [host."http://\(mirror.authority)"]
              capabilities = ["pull"]
            """)
        _ = try await rig.pull("r.io/a:t")
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        #expect(mirror.count("/manifests/") == 0)
        #expect(mirror.requests.allSatisfy { $0.query == "ns=r.io" })
        // Of what was on its way when the connection broke, a part may be lost.
        let starts = upstream.requests.filter { $0.path.hasSuffix(path) }.map { $0.rangeStart ?? 0 }
        #expect(starts.count == 1 && starts.allSatisfy { (1...100_000).contains($0) }, "\(starts)")
        #expect(upstream.count(image.blobPath(1)) == 1 && upstream.count(image.blobPath(2)) == 0)
    }

    @Test("a mirror whose manifest is too large is passed over")
    func largeManifest() async throws {
        let upstream = try await FakeRegistry { image.answer($0) }
        let mirror = try await FakeRegistry { request in
            .init(body: [UInt8](repeating: 0x20, count: RegistrySession.largestDocument + 1))
        }
        let rig = try Rig()
        try rig.root.write(
            "certs.d/r.io/hosts.toml",
            "server = \"http://\(upstream.authority)\"\n[host.\"http://\(mirror.authority)\"]")
        _ = try await rig.pull("r.io/a:t")
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        #expect(mirror.count("/manifests/") == 1)
    }

    @Test("servers are believed by the authorities of hosts.toml, and clients by their certificates")
    func certificates() async throws {
        let registry = try await FakeRegistry(tls: try TestCertificates.serverConfiguration()) {
            image.answer($0)
        }
        let files = [
            "ca.pem": TestCertificates.authority, "c.pem": TestCertificates.client,
            "c.key": TestCertificates.clientKey,
            "both.pem": TestCertificates.client + "\n" + TestCertificates.clientKey,
        ]
        let cases = [
            ("ca = \"ca.pem\"\nclient = [[\"c.pem\", \"c.key\"]]", nil),
            ("skip_verify = true\nclient = \"both.pem\"", nil),
            ("client = \"both.pem\"", "TLS: CERTIFICATE_VERIFY_FAILED; a private"),
            ("ca = \"ca.pem\"", "client of hosts.toml"),
            ("ca = \"none.pem\"", "none.pem"),
            ("ca = \"c.key\"", "c.key: it has no certificate"),
        ]
        for (settings, message) in cases {
            let rig = try Rig()
            for (name, text) in files { try rig.root.write("certs.d/r.io/\(name)", text) }
            try rig.root.write(
                "certs.d/r.io/hosts.toml", "server = \"https://\(registry.authority)\"\n\(settings)")
            guard let message else {
                _ = try await rig.pull("r.io/a:t")
                #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
                continue
            }
            let error = try await failure { try await rig.pull("r.io/a:t") }
            #expect(error.description.contains(message), "\(error)")
        }
    }

    @Test("go through the proxy that a server has, and to nobody who may not say what a tag means")
    func proxy() async throws {
        let proxy = try await FakeRegistry { _ in .status(.badGateway) }
        let rig = try Rig { $0.retries.rounds = 1 }
        try rig.root.write(
            "certs.d/r.io/hosts.toml",
            "server = \"https://never.test\"\nproxy = \"http://u:p@\(proxy.authority)\"\ncapabilities = [\"pull\"]"
        )
        let tag = try await failure { try await rig.pull("r.io/a:t") }
        #expect(
            tag.kind == .invalid && tag.description.contains("no server of r.io may say what a tag means"),
            "\(tag)")
        #expect(proxy.requests.isEmpty)
        let error = try await failure { try await rig.pull("r.io/a@\(image.digest)") }
        #expect(error.kind == .unavailable, "\(error)")
        #expect(
            proxy.requests.map(\.method) == [.CONNECT] && proxy.requests.map(\.path) == ["never.test:443"])
        let authorization = proxy.requests.first?.headers.first(name: "Proxy-Authorization")
        #expect(authorization == "Basic " + Data("u:p".utf8).base64EncodedString())
    }

    @Test("do not leave encryption for where a redirect leads")
    func downgrade() async throws {
        let plain = try await FakeRegistry { image.answer($0) }
        var tls = try TestCertificates.serverConfiguration()
        tls.certificateVerification = .none
        let registry = try await FakeRegistry(tls: tls) { request in
            .status(.found, [("Location", "http://\(plain.authority)\(request.path)")])
        }
        let rig = try Rig()
        try rig.root.write("certs.d/\(registry.authority)/ca.crt", TestCertificates.authority)
        let error = try await failure { try await rig.pull("\(registry.authority)/a:t") }
        #expect(error.description.contains("redirects from https to http"), "\(error)")
        #expect(plain.requests.isEmpty && registry.requests.count == 1)
    }
}
