import Cgroups
import Diagnosis
import Kernel
import LaunchPlan
import OCISpec

/// What the runtime keeps of a container, as `state.json` in its state directory.
///
/// The names are those of runc's file, which some programs read.
struct ContainerRecord: Sendable {
    var ociVersion: String
    var id: String
    var bundle: String
    var rootfs: String
    /// The configuration's file, if it is not the bundle's config.json.
    var configPath: String?
    var annotations: [String: String]
    /// RFC 3339.
    var created: String
    /// 0 until the container is created.
    var initPID: Int32 = 0
    /// Of the init process, in clock ticks since boot: pids come back.
    var initStart: UInt64 = 0
    var cgroup: ContainerCgroup
    /// Whether killing the init process kills them all.
    var hasPrivatePIDNamespace: Bool
    var rootless: Bool
    /// By what its processes are known, where neither a cgroup nor a pid namespace holds them together.
    var mark: NamespaceMark?
    /// Whether the container was created without a session keyring of its own.
    var noNewKeyring = false
    /// `linux.resources` as they hold now, as JSON that only an update reads; empty if there are none.
    var resources: [UInt8] = []
    /// The paths of `linux.devices`: on them depends which devices are let in by default.
    var deviceNodes: [String] = []
    /// Where its processes are, if it has `linux.intelRdt`.
    var intelRdt: IntelRdtGroup?
    /// What the standard descriptors were that the init process was given (`pipe:[4711]`); empty if it was given a
    /// terminal.
    var externalDescriptors: [String] = []
    /// Whether CRIU gave the processes a time namespace, so that their clocks go on from where they were.
    var hasRestoredClocks = false
    /// The hooks of the verbs to come.
    var startContainerHooks: [Hook] = []
    var poststartHooks: [Hook] = []
    var poststopHooks: [Hook] = []

    init(
        config: Config, id: String, bundle: String, rootfs: String, cgroup: ContainerCgroup, rootless: Bool
    ) {
        ociVersion = config.ociVersion
        self.id = id
        self.bundle = bundle
        self.rootfs = rootfs
        annotations = config.annotations
        created = Timestamp.now().rfc3339Nano
        self.cgroup = cgroup
        hasPrivatePIDNamespace = config.hasNew(.pid)
        self.rootless = rootless
        if let limits = config.linux?.resources, limits != Resources() { resources = limits.json }
        deviceNodes = config.linux?.devices.map(\.path) ?? []
        startContainerHooks = config.hooks?.startContainer ?? []
        poststartHooks = config.hooks?.poststart ?? []
        poststopHooks = config.hooks?.poststop ?? []
    }

    func state(_ status: State.Status) -> State {
        State(
            ociVersion: ociVersion, id: id, status: status, pid: status == .stopped ? 0 : initPID,
            bundle: bundle, rootfs: rootfs, created: created, annotations: annotations)
    }
}
