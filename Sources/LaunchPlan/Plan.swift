import CStage
import Diagnosis
import OCISpec
import Seccomp

/// What it takes to turn a freshly cloned process into the container's: the stage's steps, the descriptors
/// they work on, and what the runtime does meanwhile.
///
/// A plan is a value. It is made by ``Compiler`` from a configuration and facts about the host, without any
/// system call, and says the same thing every time.
public struct Plan: Equatable, Sendable {
    /// One op of the stage, and why it is there.
    public struct Step: Equatable, Sendable {
        public var op: Operation
        public var origin: Failure.Origin
        /// What the step does, with the names of everything it touches: `mount tmpfs on /run`.
        public var doing: String
    }

    public internal(set) var steps: [Step] = []
    /// Strings and blobs, NUL first.
    public internal(set) var arena: [UInt8] = [0]
    /// What must be open when the stage starts, by slot.
    public internal(set) var descriptors: [Descriptor] = []
    /// What the runtime does when the stage stops at a rendezvous, by the rendezvous' number.
    public internal(set) var rendezvous: [Rendezvous] = []
    /// CLONE_NEW* flags that the stage is born with.
    public internal(set) var birthFlags: UInt64 = 0
    /// What the runtime does as soon as the stage is born, without the stage waiting for it.
    public internal(set) var birthActions: [Action] = []
    /// Whether the process that starts the stage is itself the container's: else one of its steps clones it.
    public internal(set) var clonesItself = false
    /// What the profile of `linux.seccomp` was compiled to.
    public internal(set) var compiledFilter: SeccompFilter?
    /// What could not be honoured and may, by the specification, be dropped with a warning.
    public internal(set) var warnings: [String] = []

    public struct Descriptor: Equatable, Sendable {
        public var slot: Int
        public var source: DescriptorSource
    }

    /// A meeting point of stage and runtime.
    public struct Rendezvous: Equatable, Sendable {
        public var name: String
        public var actions: [Action]
        /// Whether the stage goes on without an answer.
        public var isPassing: Bool
    }

    /// What the runtime does while the stage waits.
    public enum Action: Equatable, Sendable {
        /// Move the stage into the container's cgroup (where clone3 could not).
        case joinCgroup
        /// Write uid_map and gid_map, by `linux.uidMappings` and `linux.gidMappings`.
        case mapIDs
        /// Run the hooks of this kind in the runtime's namespaces.
        case runHooks(HookKind)
        /// Move these of the host's network devices into the process's network namespace.
        case moveNetDevices([NetDevice])
        /// Write oom_score_adj.
        case adjustOOMScore(Int)
        /// fchown(2) of descriptors 0 to 2, which the stage shares with the runtime, to this user and group of the host.
        case giveStandardDescriptors(uid: UInt32, gid: UInt32?)
        /// prlimit(2), each with its position in `process.rlimits`.
        case setLimits([RLimit], at: Pointer)
        /// sched_setaffinity(2) to this list of CPUs.
        case setAffinity(String, at: Pointer)
        /// Put the process into its class of intelRdt.
        case joinResctrl
        case setIOPriority(IOPriority, at: Pointer)
        case setScheduler(Scheduler, at: Pointer)
        /// Connect to the agent that gets the listener of the filter that is loaded next, and then pass it on.
        case passListener(SeccompListener)
        /// Make the container known: from here on a process of it may outlive the runtime.
        case record
        /// The container is created; whether and when it goes on is the caller's to say.
        case created
    }

    /// Who answers the system calls with the verdict `SCMP_ACT_NOTIFY`.
    public struct SeccompListener: Equatable, Sendable {
        /// Of the agent's socket; a relative one is meant below the bundle.
        public var path: String
        public var metadata: String?
    }

    /// The listener that is passed on while the plan is run.
    public var listener: SeccompListener? {
        for meeting in rendezvous {
            for case .passListener(let listener) in meeting.actions { return listener }
        }
        return nil
    }

    /// Where a descriptor slot's content comes from.
    public enum DescriptorSource: Equatable, Sendable {
        case sync
        case report
        case proc
        case fifo
        case cgroup
        /// A directory of a cgroup v1 hierarchy.
        case legacyCgroup(String)
        case namespace(Namespace.Kind, path: String, at: Pointer)
        /// A mount of the directory of the notify socket.
        case notifyDirectory
        /// The pidfd of the container's init process.
        case initProcess
        case mount(DetachedMount)
    }
}

/// The kinds of hooks (config.md, "POSIX-platform Hooks").
public enum HookKind: String, CaseIterable, Sendable {
    case prestart, createRuntime, createContainer, startContainer, poststart, poststop

    /// The configured hooks of this kind.
    public func hooks(of hooks: Hooks?) -> [Hook] {
        guard let hooks else { return [] }
        switch self {
        case .prestart: return hooks.prestart
        case .createRuntime: return hooks.createRuntime
        case .createContainer: return hooks.createContainer
        case .startContainer: return hooks.startContainer
        case .poststart: return hooks.poststart
        case .poststop: return hooks.poststop
        }
    }
}
