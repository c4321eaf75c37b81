import Testing

@testable import Images

@Suite("Manifests, platforms and configurations")
struct ManifestTests {
    static let hex = String(repeating: "a", count: 64)

    private func document(_ json: String, _ type: String? = nil) throws -> ManifestDocument {
        try ManifestDocument(Array(json.utf8), contentType: type, name: "r.io/a:t")
    }

    private func descriptor(_ type: String, _ more: String = "") -> String {
        #"{"mediaType":"\#(type)","digest":"sha256:\#(Self.hex)","size":5\#(more)}"#
    }

    @Test("are read in both spellings")
    func both() throws {
        for (type, config) in [
            (MediaType.ociManifest, MediaType.ociConfig), (MediaType.dockerManifest, MediaType.dockerConfig),
        ] {
            let layer = "application/vnd.oci.image.layer.v1.tar+gzip"
            let parts = #""config":\#(descriptor(config)),"layers":[\#(descriptor(layer))]"#
            let json = #"{"schemaVersion":2,"mediaType":"\#(type)",\#(parts)}"#
            for announced in [nil, type, "application/json", type + "; charset=utf-8"] {
                guard case .image(let config, let layers) = try document(json, announced) else {
                    Issue.record("not an image")
                    continue
                }
                #expect(config.size == 5 && layers.map(\.mediaType) == [layer])
            }
        }
        for type in [MediaType.ociIndex, MediaType.dockerList] {
            let platform = #","platform":{"os":"linux","architecture":"arm64","variant":"v8"}"#
            let entry = descriptor(MediaType.ociManifest, platform)
            let index = try document(#"{"schemaVersion":2,"mediaType":"\#(type)","manifests":[\#(entry)]}"#)
            guard case .index(let entries) = index else {
                Issue.record("not an index")
                return
            }
            #expect(entries.first?.platform == Platform(os: "linux", architecture: "arm64", variant: "v8"))
        }
    }

    @Test("that mean nothing, or two things, are refused")
    func refused() throws {
        let config = descriptor(MediaType.ociConfig)
        let empty = descriptor("application/vnd.oci.empty.v1+json")
        let image = #""config":\#(config),"layers":[]"#
        let index = MediaType.ociIndex
        let cases: [(String, String?, String)] = [
            (#"{"schemaVersion":1,"fsLayers":[]}"#, nil, "schema 1"),
            (#"{"schemaVersion":2,\#(image)}"#, MediaType.dockerSchema1Signed, "schema 1"),
            (#"{"schemaVersion":3,\#(image)}"#, nil, "version 3"),
            (#"{"schemaVersion":2,\#(image),"manifests":[]}"#, nil, "has both"),
            (
                #"{"schemaVersion":2,"mediaType":"\#(index)",\#(image)}"#, MediaType.ociManifest,
                "announced as"
            ),
            (#"{"schemaVersion":2,"mediaType":"\#(index)",\#(image)}"#, nil, "has neither"),
            (#"{"schemaVersion":2,"mediaType":"application/x",\#(image)}"#, nil, "\"application/x\" are not"),
            (
                #"{"schemaVersion":2,"config":\#(descriptor("application/vnd.wasm")),"layers":[]}"#, nil,
                "artifact of type \"application/vnd.wasm\""
            ),
            (
                #"{"schemaVersion":2,"artifactType":"application/sbom","config":\#(empty),"layers":[]}"#, nil,
                "artifact of type \"application/sbom\""
            ),
            (
                #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha512:00","size":1},"layers":[]}"#,
                nil,
                "/config/digest"
            ),
            (
                #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:\#(Self.hex)","size":-1}}"#,
                nil,
                "/config/size"
            ),
            (#"{"schemaVersion":2,"config":\#(config),"layers":[{"size":1}]}"#, nil, "/layers/0/mediaType"),
            ("{", nil, "is not JSON"), ("[]", nil, "manifest of r.io/a:t"), ("", nil, "is not JSON"),
        ]
        for (json, type, message) in cases {
            let error = #expect(throws: ImageError.self) { _ = try document(json, type) }
            #expect(error?.description.contains(message) == true, "\(json): \(error?.description ?? "")")
        }
    }

    @Test("layers are tar, plain or packed, and no others")
    func layers() throws {
        let known: [(String, LayerCompression)] = [
            ("application/vnd.oci.image.layer.v1.tar", .none),
            ("application/vnd.oci.image.layer.v1.tar+gzip", .gzip),
            ("application/vnd.oci.image.layer.v1.tar+zstd", .zstd),
            ("application/vnd.docker.image.rootfs.diff.tar", .none),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", .gzip),
            ("application/vnd.docker.image.rootfs.diff.tar.zstd", .zstd),
        ]
        for (type, compression) in known {
            #expect(try MediaType.compression(ofLayer: type).get() == compression)
        }
        for (type, reason) in [
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "encrypted"),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "elsewhere"),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "elsewhere"),
            ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "is not a type of layers"),
        ] {
            let fault = #expect(throws: MediaType.Unsupported.self) {
                try MediaType.compression(ofLayer: type).get()
            }
            #expect(fault?.reason.contains(reason) == true)
        }
    }

    private func entry(_ platform: String?, _ mark: Int, type: String = MediaType.ociManifest) -> Descriptor {
        let parts = (platform ?? "").split(separator: "/").map(String.init)
        let platform =
            parts.isEmpty
            ? nil : Platform(os: parts[0], architecture: parts[1], variant: parts.count > 2 ? parts[2] : nil)
        return Descriptor(mediaType: type, digest: Digest(of: []), size: Int64(mark), platform: platform)
    }

    @Test("the image for this machine is chosen")
    func platforms() throws {
        let v3: Set<String> = [
            "cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3", "avx", "avx2", "bmi1", "bmi2",
            "f16c", "fma", "abm", "movbe", "xsave",
        ]
        let old = PlatformChoice(machine: "x86_64", processorFlags: [])
        let new = PlatformChoice(machine: "x86_64", processorFlags: v3)
        let arm = PlatformChoice(machine: "armv7l", processorFlags: [])
        #expect(new.variants == ["v1", "v3", "v2"])
        func choose(_ choice: PlatformChoice, _ platforms: [String?]) throws -> Int64 {
            try choice.choose(platforms.enumerated().map { entry($1, $0) }, name: "x").size
        }
        #expect(try choose(old, ["linux/arm64", "windows/amd64", "linux/amd64"]) == 2)
        #expect(try choose(new, ["linux/amd64/v2", "linux/amd64/v3", "linux/amd64"]) == 2)
        #expect(try choose(new, ["linux/amd64/v2", "linux/amd64/v3", "linux/amd64/v4"]) == 1)
        #expect(try choose(old, ["linux/amd64/v3", "linux/amd64/v1", "linux/amd64"]) == 1)
        #expect(try choose(arm, ["linux/arm/v5", "linux/arm/v6", "linux/arm64/v8"]) == 1)
        #expect(try choose(arm, ["linux/arm/v6", "linux/arm/v7"]) == 1)
        #expect(try choose(old, [nil]) == 0)
        #expect(try choose(old, [nil, "linux/amd64"]) == 1)
        let error = #expect(throws: ImageError.self) {
            try choose(old, ["linux/arm64/v8", "unknown/unknown", "linux/amd64/v3"])
        }
        #expect(error?.kind == .notFound)
        let said = error?.description ?? ""
        #expect(said.contains("none for linux/amd64: it has linux/arm64/v8, linux/amd64/v3"), "\(said)")
        #expect(throws: ImageError.self) { try choose(old, [nil, nil]) }
        #expect(throws: ImageError.self) { try choose(old, []) }
        // What is no image is not chosen, be it for this machine.
        #expect(throws: ImageError.self) {
            try old.choose([entry("linux/amd64", 1, type: "application/x")], name: "x")
        }
        #expect(PlatformChoice.host.architecture.isEmpty == false)
    }

    @Test("configurations are read as Docker and others write them")
    func configuration() throws {
        let json = """
            {"architecture":"amd64","os":"linux","created":"2020-01-01T00:00:00Z","config":{"User":"1:2",
            "ExposedPorts":{"80/tcp":{},"53/udp":{}},"Env":["A=b"],"Entrypoint":null,"Cmd":["sh"],
            "Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"l":"v"},"StopSignal":"SIGQUIT","OnBuild":null},
            "rootfs":{"type":"layers","diff_ids":["sha256:\(Self.hex)"]},
            "history":[{"created_by":"x"},{"empty_layer":true}]}
            """
        let read = try ImageConfiguration(Array(json.utf8), name: "x")
        #expect(read.architecture == "amd64" && read.os == "linux" && read.historyCount == 2)
        #expect(read.config.exposedPorts == ["53/udp", "80/tcp"] && read.config.volumes == ["/data"])
        #expect(read.config.entrypoint == [] && read.config.command == ["sh"])
        #expect(read.config.environment == ["A=b"] && read.config.labels == ["l": "v"])
        #expect(read.config.user == "1:2" && read.config.workingDirectory == "/w")
        #expect(read.config.stopSignal == "SIGQUIT" && read.diffIDs.map(\.hex) == [Self.hex])
        let bare = #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#
        #expect(try ImageConfiguration(Array(bare.utf8), name: "x").config == .init())
        let empty = #""rootfs":{"type":"layers","diff_ids":[]}"#
        for (json, message) in [
            (#"{"os":"linux",\#(empty)}"#, "/architecture: is missing"),
            (#"{"architecture":"a","os":"linux","rootfs":{"type":"base","diff_ids":[]}}"#, "/rootfs"),
            (
                #"{"architecture":"a","os":"linux","rootfs":{"type":"layers","diff_ids":["x"]}}"#,
                "not a digest"
            ),
            (#"{"architecture":"a","os":"linux","config":{"Env":"x"},\#(empty)}"#, "/config/Env"),
        ] {
            let error = #expect(throws: ImageError.self) {
                _ = try ImageConfiguration(Array(json.utf8), name: "x")
            }
            let said = error?.description ?? ""
            #expect(error?.kind == .corrupt && said.contains(message), "\(said)")
        }
        let other = PlatformChoice(machine: "s390x", processorFlags: [])
        #expect(throws: ImageError.self) { try other.check(read, name: "x") }
    }

    @Test("chainIDs are as the image specification says")
    func chainIDs() throws {
        // printf 'sha256:%064d sha256:%064d' 1 2 | sha256sum, and so on.
        let diffIDs = try (1...3).map { number in
            try #require(Digest(hex: String(repeating: "0", count: 63) + "\(number)"))
        }
        let chain = Digest.chainIDs(of: diffIDs)
        #expect(chain[0] == diffIDs[0])
        #expect(chain[1].hex == "e0213565073dd272477933ef550455db21856966e444074f1492aef0939305ac")
        #expect(chain[2].hex == "af4149e65a6923bb39782a876ce40a7c3b08fc85ec732e9efcc661d9399016d0")
        #expect(Digest.chainIDs(of: []) == [])
    }
}
