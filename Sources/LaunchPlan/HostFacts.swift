import Labels
import OCISpec
import Seccomp

/// What a plan depends on that config.json does not say.
public struct HostFacts: Equatable, Sendable {
    /// What the container's cgroup is, and how its process gets there.
    public enum CgroupPlace: Equatable, Sendable {
        /// None: the host has no cgroup v2 tree, or none that may be used.
        case none
        /// The directory of the container's cgroup, and whether the whole host is unified.
        case v2(directory: String, unified: Bool)
        /// The runtime's own, on a unified host: the user has no right to another one.
        case callers(directory: String)
    }

    /// The container's cgroup in a cgroup v1 hierarchy.
    public struct LegacyCgroup: Equatable, Sendable {
        /// What is bound to the hierarchy, or `name=systemd`.
        public var controllers: [String]
        /// Of the hierarchy's mount point: `cpu,cpuacct`.
        public var name: String
        public var directory: String

        public init(controllers: [String], name: String, directory: String) {
            self.controllers = controllers
            self.name = name
            self.directory = directory
        }
    }

    /// Absolute, on the host.
    public var rootfs: String
    public var containerID: String
    public var cgroup = CgroupPlace.none
    /// Whether there is a cgroup v2 directory of the container's.
    var hasOwnCgroup: Bool { if case .v2 = cgroup { true } else { false } }
    /// Empty on a unified host.
    public var legacyCgroups: [LegacyCgroup] = []
    /// Whether clone3(2) can place the process (CLONE_INTO_CGROUP); else the runtime moves it.
    public var clonesIntoCgroup = true
    /// Whether the cgroup is made around the process, whatever the host mounts: systemd has no other way.
    public var startsUnit = false
    /// Whether the runtime is root in a user namespace that may do everything: the order of joining
    /// namespaces, and who may make device nodes, depend on it.
    public var isPrivileged = true
    /// Whether the container's user namespace lets nobody change groups (setgroups in user_namespaces(7)).
    public var deniesGroups = false
    /// Capabilities that the runtime itself has; what it has not it cannot give, but to a new user namespace.
    public var ownCapabilities: UInt64 = .max
    /// Whether there is a /proc/kcore for /dev/core to point at.
    public var hasKcore = true
    /// Sources of bind mounts that the runtime gets at, and the root of the container's user namespace does not.
    public var closedSources: Set<String> = []
    public var lsm: LSMHost

    public init(rootfs: String, containerID: String, lsm: LSMHost) {
        self.rootfs = rootfs
        self.containerID = containerID
        self.lsm = lsm
    }
}

/// What the command line says about a launch.
public struct LaunchOptions: Equatable, Sendable {
    /// How a created container waits for its start.
    public enum Wait: Equatable, Sendable {
        /// On exec.fifo, for another process to open it.
        case fifo
        /// On the runtime, which stays.
        case runtime
        /// Not at all: a further process in a container that has started.
        case never
    }

    public var wait: Wait
    public var noPivot = false
    public var noNewKeyring = false
    /// Descriptors from 3 on that the process gets, those of LISTEN_FDS first.
    public var preservedDescriptors = 0
    /// How many of them are socket-activation descriptors.
    public var listenDescriptors = 0

    /// Whether the process gets a socket to tell on that it is ready (sd_notify(3)).
    public var passesNotifySocket = false

    /// What the profile was compiled to when the container was created.
    public var filter: SeccompFilter?

    public init(wait: Wait) { self.wait = wait }
}
