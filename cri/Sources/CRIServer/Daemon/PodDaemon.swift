import CRISpec
import Diagnosis
import GRDB
import Images
import Kernel
import Logging
import PodNetwork

/// What the parts of the daemon are made with.
package struct DaemonSettings: Sendable {
    package var root: String
    package var run: String
    package var handlers: [RuntimeHandler]
    package var defaultHandler: String
    /// The executable whose `pod-monitor` watches over a pod.
    package var monitorProgram: String
    /// The cgroup that monitors go into; empty is the daemon's own.
    package var monitorCgroup: String
    package var cgroupDriver: RuntimeInformation.CgroupDriver
    package var pulling: Puller.Options
    package var limits: UnpackLimits
    package var network: NetworkSettings
    package var pods: PodSettings
    /// Layers unpacked at the same time.
    package var unpacks = 2
    /// How long what a removed image leaves is kept.
    package var collectAfter = Duration.zero
    /// References of images that kubelet is asked to leave alone.
    package var pinned: [String] = []

    package struct NetworkSettings: Sendable {
        package var configurations: String
        package var name: String?
        package var plugins: [String]
        package var cache: String
        package var pluginTimeout: Duration

        package init(
            configurations: String, name: String?, plugins: [String], cache: String, pluginTimeout: Duration
        ) {
            self.configurations = configurations
            self.name = name
            self.plugins = plugins
            self.cache = cache
            self.pluginTimeout = pluginTimeout
        }
    }

    package init(
        root: String, run: String, handlers: [RuntimeHandler], defaultHandler: String, monitorProgram: String,
        monitorCgroup: String, cgroupDriver: RuntimeInformation.CgroupDriver, pulling: Puller.Options,
        limits: UnpackLimits, network: NetworkSettings, pods: PodSettings
    ) {
        self.root = root
        self.run = run
        self.handlers = handlers
        self.defaultHandler = defaultHandler
        self.monitorProgram = monitorProgram
        self.monitorCgroup = monitorCgroup
        self.cgroupDriver = cgroupDriver
        self.pulling = pulling
        self.limits = limits
        self.network = network
        self.pods = pods
    }
}

/// Everything behind the socket: both services, on one database.
package struct PodDaemon: Sendable {
    package let runtime: PodRuntime
    package let images: ImageCalls
    private let store: ImageStore

    /// Takes up what an earlier daemon left: when it returns, calls can be served. What is left to clear away is cleared
    /// by ``cleanUp()``.
    package static func start(_ settings: DaemonSettings, log: Logger) async throws -> PodDaemon {
        let layout = Layout(root: settings.root, run: settings.run)
        for path in [layout.podsRoot, layout.containersRoot, layout.podFilesRoot] {
            try FileTree.makeDirectories(path, mode: 0o711)
        }
        let (database, store) = try await settings.openImages(log: log)
        let network = PodNetwork(
            configurationDirectory: settings.network.configurations, network: settings.network.name,
            binaryDirectories: settings.network.plugins, cacheDirectory: settings.network.cache,
            pluginTimeout: settings.network.pluginTimeout, logger: log)
        let handlers = RuntimeHandlers(settings.handlers, default: settings.defaultHandler)
        let features = RuntimeFeatureCache()
        let monitors = try Monitors(
            layout: layout, program: settings.monitorProgram, cgroup: settings.monitorCgroup, log: log)
        let host = try HostFacts.detect()
        var pods = settings.pods
        pods.hostname = host.hostname
        let runtime = PodRuntime(
            settings: pods, layout: layout, inventory: try Inventory(database), monitors: monitors,
            images: store, network: network, handlers: handlers, features: features, host: host,
            information: RuntimeInformation(
                cgroupDriver: settings.cgroupDriver,
                handlers: { await handlers.described(features) },
                networkReady: { await network.condition }),
            log: log)
        await monitors.tell { [weak runtime] news in
            guard let runtime else { return }
            switch news {
            case .exit(let exit): await runtime.note(exit)
            case .lost(let pod): await runtime.monitorIsLost(pod)
            }
        }
        try await runtime.recover()
        return PodDaemon(
            runtime: runtime,
            images: ImageCalls(images: store, layout: layout, handlers: handlers, log: log), store: store)
    }

    /// Clears away what the last daemon left half done; while calls are served.
    package func cleanUp() async { await runtime.cleanUp() }

    /// Ends what goes on; pods run on.
    package func shutDown() async { await store.shutDown() }
}

extension RuntimeHandlers {
    /// As Status tells of them: the default one by an empty name, too.
    fileprivate func described(_ features: RuntimeFeatureCache) async -> [RuntimeInformation.Handler] {
        var described: [RuntimeInformation.Handler] = []
        for handler in all {
            var can = await features.of(handler)
            described.append(can)
            guard handler.name == defaultName else { continue }
            can.name = ""
            described.append(can)
        }
        return described
    }
}

extension PodNetwork {
    /// As Status tells of it.
    fileprivate var condition: RuntimeInformation.Condition {
        get async {
            let status = await status()
            return .init(met: status.isReady, reason: status.reason, message: status.message)
        }
    }
}
