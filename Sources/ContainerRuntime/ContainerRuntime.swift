import Cgroups
import Diagnosis
import Kernel
import OCISpec

/// Whether to do without root's privileges.
public enum RootlessMode: Sendable {
    case auto, yes, no
}

/// Who makes the containers' cgroups.
public enum CgroupManager: String, Sendable {
    case cgroupfs, systemd
    /// Nobody: a container has none, and stays in the caller's.
    case disabled
}

extension CgroupHost {
    /// The host as the manager sees it.
    static func managed(by manager: CgroupManager) throws(Failure) -> CgroupHost {
        manager == .disabled ? .disabled : try detect()
    }
}

/// What all verbs share.
public struct RuntimeSettings: Sendable {
    /// The directory that holds a directory for each container.
    public var root: String
    /// Whether somebody named it, rather than taking the default.
    public var rootIsExplicit: Bool
    public var cgroups: CgroupManager
    public var rootless: RootlessMode
    public var debug: Bool
    /// Where warnings go. Errors are thrown.
    public var warn: @Sendable (String) -> Void
    public var debugLog: @Sendable (String) -> Void
    /// Where create, run and exec tell what takes how long.
    public var trace: Trace?

    public init(
        root: String, rootIsExplicit: Bool, cgroups: CgroupManager, rootless: RootlessMode, debug: Bool,
        warn: @escaping @Sendable (String) -> Void, debugLog: @escaping @Sendable (String) -> Void,
        trace: Trace? = nil
    ) {
        self.root = root
        self.rootIsExplicit = rootIsExplicit
        self.cgroups = cgroups
        self.rootless = rootless
        self.debug = debug
        self.warn = warn
        self.debugLog = debugLog
        self.trace = trace
    }
}

extension RuntimeSettings {
    /// Whether to make do with what a user without privileges can have, where root would insist.
    func isRootless(privileged: Bool) -> Bool {
        switch rootless {
        case .auto: !privileged
        case .yes: true
        case .no: false
        }
    }
}

/// What `create` and `run` are told beside the ID.
public struct CreateOptions: Sendable {
    /// The bundle's directory; empty is the working directory.
    public var bundle: String
    /// In place of the bundle's config.json.
    public var config: String?
    public var consoleSocket: String?
    public var pidfdSocket: String?
    public var pidFile: String?
    /// Whether the runtime leaves before the container ends.
    public var detaches = true
    public var noPivot = false
    public var noNewKeyring = false
    /// Descriptors to pass on beside the standard ones and those of LISTEN_FDS.
    public var preserveFds = 0

    public init(bundle: String) { self.bundle = bundle }
}

/// A container runtime: the verbs, one file each.
public struct ContainerRuntime: Sendable {
    /// The version of the runtime-spec that configurations, states and features follow.
    public static let specVersion = "1.3.0"

    let settings: RuntimeSettings

    public init(_ settings: RuntimeSettings) { self.settings = settings }

    /// The state directory of a container, if the ID is one.
    ///
    /// IDs follow runc's rule: letters, digits and `_+-.`, and not `.` or `..`.
    func directory(_ id: String) throws(Failure) -> StateDirectory {
        let isValid =
            !id.isEmpty && id != "." && id != ".." && id.utf8.count <= 1024
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"),
                    UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        guard isValid else {
            throw Failure("invalid container ID format: \"\(id)\"", remedy: "use letters, digits and _+-.")
        }
        return StateDirectory(path: "\(settings.root)/\(id)")
    }

    /// The record of an existing container.
    func load(_ id: String) throws(Failure) -> (StateDirectory, ContainerRecord) {
        let directory = try directory(id)
        return (directory, try directory.load())
    }
}
