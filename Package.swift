// swift-tools-version: 6.1
import PackageDescription

// Every target that a verb of the runtime links is built for size: the whole of it is read from
// disk at each start, and no loop in it is hot enough to repay unrolling. And without the library of regular
// expressions, which is imported unasked: 1.3 MB that nothing here uses.
let lean: [SwiftSetting] = [
    .unsafeFlags(["-Osize"], .when(configuration: .release)),
    .unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"]),
    // Each in a section of its own: those that nothing calls are left out, and the others can be put in order.
    .unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release)),
    // Else the types of collections are put together at each start, by their names.
    .unsafeFlags(["-Xfrontend", "-prespecialize-generic-metadata"], .when(configuration: .release)),
]
// APUS_SYMBOLS=1 is for profilers.
let stripping = Context.environment["APUS_SYMBOLS"] == nil ? ["-Xlinker", "-s"] : []
let strictC: [CSetting] = [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]

// Targets import downwards only; the order below is that of the floors, from the ground up.
let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["apus"]),
        .executable(name: "apus-manual", targets: ["WriteManual"]),
        .library(name: "ContainerRuntime", targets: ["ContainerRuntime"]),
        // For the CRI layer, which is a package of its own: cri/Package.swift.
        .library(name: "Diagnosis", targets: ["Diagnosis"]),
        .library(name: "Kernel", targets: ["Kernel"]),
        .library(name: "OCISpec", targets: ["OCISpec"]),
        .library(name: "Cgroups", targets: ["Cgroups"]),
        .library(name: "MonitorProtocol", targets: ["MonitorProtocol"]),
    ],
    targets: [
        // Ground: what the kernel and the specification say, as values.

        .target(name: "CKernel", cSettings: strictC),
        .target(name: "Diagnosis", dependencies: ["CKernel"], swiftSettings: lean),
        .target(name: "Kernel", dependencies: ["CKernel", "Diagnosis"], swiftSettings: lean),
        .target(name: "OCISpec", dependencies: ["Diagnosis"], swiftSettings: lean),
        .systemLibrary(name: "CSeccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCapability", providers: [.apt(["libcap-dev"])]),
        .systemLibrary(name: "CSELinux", providers: [.apt(["libselinux1-dev"])]),
        .target(name: "CCapabilityQuiet", cSettings: strictC),
        .target(
            name: "Capabilities", dependencies: ["CCapability", "CCapabilityQuiet"], swiftSettings: lean),
        .target(
            name: "Labels", dependencies: ["CSELinux", "Kernel", "Diagnosis"], swiftSettings: lean),
        .target(
            name: "Seccomp", dependencies: ["OCISpec", "Kernel", "CSeccomp"], swiftSettings: lean),
        .target(name: "DBus", dependencies: ["Kernel", "Diagnosis"], swiftSettings: lean),
        .target(name: "Netlink", dependencies: ["Kernel", "Diagnosis"], swiftSettings: lean),
        .target(name: "Resctrl", dependencies: ["OCISpec", "Kernel", "Diagnosis"], swiftSettings: lean),
        .target(name: "CRIU", dependencies: ["Kernel", "Diagnosis"], swiftSettings: lean),
        .target(name: "Cgroups", dependencies: ["OCISpec", "Kernel", "DBus"], swiftSettings: lean),
        .target(name: "CStage", dependencies: ["CKernel"], cSettings: strictC),

        // The stage: compiled from CStage and Stage by the plugin's tool, static and without libc.
        .executableTarget(name: "EmbedStage"),
        .plugin(
            name: "EmbedStagePlugin", capability: .buildTool(), dependencies: ["EmbedStage"],
            path: "Sources/Plugins/EmbedStagePlugin"),

        // Middle: the plan and the verbs.
        .target(
            name: "LaunchPlan",
            dependencies: ["OCISpec", "Seccomp", "Capabilities", "Labels", "CStage"], swiftSettings: lean),
        .target(
            name: "ContainerRuntime",
            dependencies: [
                "LaunchPlan", "Cgroups", "CRIU", "Capabilities", "Seccomp", "Labels", "Netlink", "Resctrl",
                "Kernel",
            ],
            swiftSettings: lean, plugins: ["EmbedStagePlugin"]),

        // What watches over a pod for the CRI layer, and what the two say to each other.
        .target(
            name: "MonitorProtocol", dependencies: ["Kernel", "OCISpec", "Diagnosis"], swiftSettings: lean),
        .target(
            name: "PodMonitor",
            dependencies: ["MonitorProtocol", "Netlink", "OCISpec", "Kernel", "Diagnosis"],
            swiftSettings: lean),

        // Top: the command line, and the executable.
        .target(name: "Arguments", swiftSettings: lean),
        .target(name: "Presentation", swiftSettings: lean),
        .target(name: "AbridgedStart", cSettings: strictC),
        .executableTarget(
            name: "apus",
            dependencies: [
                "ContainerRuntime", "PodMonitor", "Arguments", "Presentation", "OCISpec", "Kernel",
                "Diagnosis", "AbridgedStart",
            ],
            exclude: ["hot-symbols", "sections.ld"],
            swiftSettings: lean,
            linkerSettings: [
                .unsafeFlags(
                    [
                        "-static-executable", "-use-ld=lld",
                        "-Xlinker", "--gc-sections",
                        // What the verbs run lies together: scripts/bench --symbols writes the list.
                        "-Xlinker",
                        "--symbol-ordering-file=\(Context.packageDirectory)/Sources/apus/hot-symbols",
                        "-Xlinker", "--no-warn-symbol-ordering",
                        "-Xlinker", "--script=\(Context.packageDirectory)/Sources/apus/sections.ld",
                    ] + stripping)
            ]),

        // The manual's pages and the shells' completions, from the tables of the command line.
        .target(name: "Manual", dependencies: ["Arguments"], swiftSettings: lean),
        .target(name: "Completion", dependencies: ["Arguments"], swiftSettings: lean),
        .executableTarget(
            name: "WriteManual", dependencies: ["Manual", "Completion", "Kernel"], swiftSettings: lean),

        // Runs the executable; linking it in would bring its linker's flags along.
        .testTarget(name: "apusTests"),
        .testTarget(name: "ArgumentsTests", dependencies: ["Arguments"]),
        .testTarget(name: "ManualTests", dependencies: ["Manual", "Arguments"]),
        .testTarget(name: "CompletionTests", dependencies: ["Completion", "Arguments"]),
        .testTarget(name: "PresentationTests", dependencies: ["Presentation"]),
        .testTarget(name: "DiagnosisTests", dependencies: ["Diagnosis"]),
        .testTarget(
            name: "LaunchPlanTests",
            dependencies: ["LaunchPlan", "OCISpec", "Labels", "CStage", "CKernel", "Diagnosis"]),
        .testTarget(
            name: "ContainerRuntimeTests",
            dependencies: [
                "ContainerRuntime", "LaunchPlan", "OCISpec", "CRIU", "Labels", "Kernel", "CStage",
                "Diagnosis",
            ]),
        .testTarget(name: "KernelTests", dependencies: ["Kernel", "CKernel", "Diagnosis"]),
        .target(name: "CFilterProbe", path: "Tests/CFilterProbe", cSettings: strictC),
        .testTarget(name: "SeccompTests", dependencies: ["Seccomp", "CSeccomp", "CFilterProbe"]),
        .testTarget(name: "CapabilitiesTests", dependencies: ["Capabilities"]),
        .testTarget(name: "LabelsTests", dependencies: ["Labels", "Diagnosis"]),
        .testTarget(name: "CgroupsTests", dependencies: ["Cgroups", "DBus", "Kernel"]),
        .testTarget(name: "CRIUTests", dependencies: ["CRIU", "Kernel", "Diagnosis"]),
        .testTarget(name: "DBusTests", dependencies: ["DBus", "Kernel", "Diagnosis"]),
        .testTarget(name: "ResctrlTests", dependencies: ["Resctrl", "OCISpec", "Diagnosis"]),
        .testTarget(name: "NetlinkTests", dependencies: ["Netlink", "Kernel", "Diagnosis"]),
        .testTarget(name: "MonitorProtocolTests", dependencies: ["MonitorProtocol", "OCISpec", "Kernel"]),
        .testTarget(
            name: "PodMonitorTests", dependencies: ["PodMonitor", "MonitorProtocol", "Kernel", "Diagnosis"]),
        .testTarget(name: "OCISpecTests", dependencies: ["OCISpec", "Diagnosis"]),
    ],
    swiftLanguageModes: [.v6]
)
