// swift-tools-version: 6.1
import PackageDescription

// The CRI layer is a package of its own beside the runtime's, so that whoever builds the runtime neither fetches nor
// compiles gRPC and what it needs. Targets import downwards only; the order below is from the ground up.
let package = Package(
    name: "apus-cri",
    products: [
        .executable(name: "apus-cri", targets: ["apus-cri"]),
        .library(name: "CRIServer", targets: ["CRIServer"]),
    ],
    dependencies: [
        .package(name: "apus", path: ".."),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Ground: the interface, as generated, and what pods are made of.

        .target(
            name: "CRIProto",
            dependencies: [
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["README.md"]),
        .systemLibrary(name: "CArchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
        .target(
            name: "Images",
            dependencies: [
                "CArchive", "CZlib", "CZstd",
                .product(name: "Kernel", package: "apus"),
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "TOMLKit", package: "TOMLKit"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "PodNetwork",
            dependencies: [
                .product(name: "Kernel", package: "apus"),
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "OCISpec", package: "apus"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "CRISpec",
            dependencies: [
                "CRIProto",
                .product(name: "Kernel", package: "apus"),
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "OCISpec", package: "apus"),
                .product(name: "Yams", package: "Yams"),
            ]),

        // The configuration file, as values.
        .target(
            name: "CRIConfiguration",
            dependencies: [
                .product(name: "Kernel", package: "apus"),
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "TOMLKit", package: "TOMLKit"),
            ]),

        // Middle: pods, containers and images as the interface has them.

        .target(
            name: "CRIServer",
            dependencies: [
                "CRIProto", "CRISpec", "Images", "PodNetwork",
                .product(name: "Kernel", package: "apus"),
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "OCISpec", package: "apus"),
                .product(name: "Cgroups", package: "apus"),
                .product(name: "MonitorProtocol", package: "apus"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        // Top: the daemon.

        .executableTarget(
            name: "apus-cri",
            dependencies: [
                "CRIServer", "CRIConfiguration", "CMalloc", "Images",
                .product(name: "Kernel", package: "apus"),
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["sections.ld"],
            linkerSettings: [
                // Nothing is loaded that would look for the daemon's symbols: what nobody uses can go. gold puts
                // constants between the code, which lld does not: 2.5 MiB less are mapped of a daemon that is only
                // asked, and 1.5 MiB less where they are read-only.
                .unsafeFlags(
                    [
                        "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "-s",
                        "-Xlinker", "--script=\(Context.packageDirectory)/Sources/apus-cri/sections.ld",
                    ], .when(configuration: .release))
            ]),

        .testTarget(
            name: "ImagesTests",
            dependencies: [
                "Images", "CZlib", "CZstd",
                .product(name: "Kernel", package: "apus"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        // Lets a test of another language attach pods: Tests/Integration/test_network_plugins.py.
        .executableTarget(
            name: "pod-network-probe",
            dependencies: ["PodNetwork", .product(name: "Logging", package: "swift-log")],
            path: "Tests/PodNetworkProbe"),

        .testTarget(name: "PodNetworkTests", dependencies: ["PodNetwork"]),
        .testTarget(name: "CRIConfigurationTests", dependencies: ["CRIConfiguration"]),
        .testTarget(
            name: "CRIServerTests",
            dependencies: [
                "CRIServer", "CRIProto",
                .product(name: "Cgroups", package: "apus"),
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Kernel", package: "apus"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "CRISpecTests",
            dependencies: [
                "CRISpec", "CRIProto",
                .product(name: "Diagnosis", package: "apus"),
                .product(name: "OCISpec", package: "apus"),
            ],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "DaemonTests", dependencies: ["apus-cri", .product(name: "Kernel", package: "apus")]),
    ],
    swiftLanguageModes: [.v6]
)
