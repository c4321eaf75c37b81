import CRIConfiguration
import CRIServer
import CRISpec
import Diagnosis
import Foundation
import Images
import Kernel
import OCISpec

extension DaemonSettings {
    /// What the configuration says, in the terms of the parts.
    init(_ configuration: Configuration) throws {
        let driver = Self.driver(configuration.cgroups.driver)
        let handlers = configuration.handlers.sorted { $0.key < $1.key }.map { name, handler in
            RuntimeHandler(
                name: name, program: handler.path, options: handler.arguments,
                stateRoot: handler.root ?? "\(configuration.run)/runtimes/\(name)",
                usesSystemd: driver == .systemd, specification: HandlerOptions(handler))
        }
        self.init(
            root: configuration.root, run: configuration.run, handlers: handlers,
            defaultHandler: configuration.defaultHandler,
            monitorProgram: try Self.monitorProgram(configuration),
            monitorCgroup: configuration.cgroups.monitors, cgroupDriver: driver,
            pulling: try Puller.Options(configuration.images),
            limits: UnpackLimits(configuration.images.limits),
            network: .init(
                configurations: configuration.network.configurations, name: configuration.network.name,
                plugins: configuration.network.plugins,
                cache: configuration.network.cache ?? configuration.root + "/network",
                pluginTimeout: configuration.network.pluginTimeout.duration),
            pods: try PodSettings(configuration.pods))
        unpacks = configuration.images.unpacks
        collectAfter = configuration.images.collectAfter.duration
        pinned = configuration.images.pinned
    }

    /// sd_booted(3) tells whether systemd runs.
    private static func driver(_ driver: Configuration.Cgroups.Driver) -> RuntimeInformation.CgroupDriver {
        switch driver {
        case .systemd: .systemd
        case .cgroupfs: .cgroupfs
        case .auto: FileTree.exists("/run/systemd/system") ? .systemd : .cgroupfs
        }
    }

    /// Monitors are apus, whichever runtime makes the containers: the default handler's if that is apus.
    private static func monitorProgram(_ configuration: Configuration) throws(Failure) -> String {
        if let handler = configuration.handlers[configuration.defaultHandler], handler.kind == .apus {
            return handler.path
        }
        let others = configuration.handlers.sorted { $0.key < $1.key }
        guard let handler = others.first(where: { $0.value.kind == .apus })?.value else {
            throw Failure(
                .option("handlers"), reason: "none is of the kind apus, which the monitors of pods are",
                remedy: "add [handlers.apus], with its path")
        }
        return handler.path
    }
}

extension HandlerOptions {
    fileprivate init(_ handler: Configuration.Handler) {
        self.init()
        privilegedWithoutHostDevices = handler.privilegedWithoutHostDevices
        privilegedWithoutHostDevicesAllAllowed = handler.privilegedWithoutHostDevicesAllAllowed
        podAnnotations = handler.podAnnotations
        containerAnnotations = handler.containerAnnotations
    }
}

extension Puller.Options {
    fileprivate init(_ images: Configuration.Images) throws(ImageError) {
        self.init()
        registryDirectory = images.registries
        proxies = try ProxySettings(environment: ProcessInfo.processInfo.environment)
        concurrentFetches = images.downloads
        keepsBlobs = images.keepBlobs
        patience = max(1, images.stallTimeout.milliseconds / 1000)
        largestLayer = Int64(clamping: images.limits.layer.bytes)
        largestImage = Int64(clamping: images.limits.image.bytes)
    }
}

extension UnpackLimits {
    fileprivate init(_ limits: Configuration.Limits) {
        self.init(
            layerBytes: limits.layer.bytes, imageBytes: limits.image.bytes, entries: UInt64(limits.entries),
            depth: limits.depth, pathBytes: Int(clamping: limits.path.bytes), ratio: UInt64(limits.ratio),
            ratioFloor: limits.ratioFloor.bytes)
    }
}

extension PodSettings {
    fileprivate init(_ pods: Configuration.Pods) throws(Failure) {
        self.init()
        execOutputLimit = Int(clamping: pods.execOutput.bytes)
        killTimeout = pods.killTimeout.duration
        allowsUnprivilegedPorts = pods.unprivilegedPorts
        allowsUnprivilegedPing = pods.unprivilegedICMP
        cdiDirectories = pods.cdiDirectories
        specification.defaultSeccompProfile = pods.seccompProfile
        specification.unsetSeccomp = pods.unsetSeccomp == .runtimeDefault ? .runtimeDefault : .unconfined
        specification.seccompRoot = pods.seccompRoot
        specification.defaultAppArmorProfile = pods.apparmorProfile
        specification.selinuxProcessContext = pods.selinuxProcessContext
        specification.selinuxFileContext = pods.selinuxFileContext
        specification.defaultCapabilities = Set(
            try pods.capabilities.map { name throws(Failure) in
                guard let capability = Capability(name: name) else {
                    throw Failure(.option("pods.capabilities"), reason: "there is no capability \(name)")
                }
                return capability
            })
        specification.resourceLimits = try pods.ulimits.map { limit throws(Failure) in
            guard let type = RLimit.Resource(rawValue: "RLIMIT_" + limit.name.uppercased()) else {
                throw Failure(.option("pods.ulimits"), reason: "there is no limit \(limit.name)")
            }
            return RLimit(type: type, soft: limit.soft, hard: limit.hard)
        }
        specification.pidsLimit = pods.pidsLimit.map { Int64($0.value) }
        specification.restrictsOOMScoreAdjustment = pods.restrictOOMScoreAdjustment
        specification.toleratesMissingHugetlb = pods.tolerateMissingHugetlb
        specification.disableProcMount = pods.disableProcMount
        specification.cgroupWritable = pods.cgroupWritable
        specification.deviceOwnershipFromSecurityContext = pods.deviceOwnership
        specification.refusedMissingPaths = pods.refusedMissingPaths
    }
}
