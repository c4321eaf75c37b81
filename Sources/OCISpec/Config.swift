/// A bundle's `config.json` (runtime-spec 1.3.0, config.md), decoded and typed.
///
/// Names are the specification's. An optional is a field that may be absent; an absent array or map
/// is `nil` only where absence and emptiness mean different things.
public struct Config: Equatable, Sendable {
    public var ociVersion: String
    public var root: Root?
    public var mounts: [Mount] = []
    public var process: Process?
    public var hostname: String?
    public var domainname: String?
    public var hooks: Hooks?
    public var annotations = [String: String]()
    public var linux: Linux?

    public init(ociVersion: String) { self.ociVersion = ociVersion }
}

/// config.md, "Root".
public struct Root: Equatable, Sendable {
    public var path: String
    public var readonly = false
    public init(path: String, readonly: Bool = false) {
        self.path = path
        self.readonly = readonly
    }
}

/// config.md, "Mounts".
public struct Mount: Equatable, Sendable {
    public var destination: String
    public var type: String?
    public var source: String?
    public var options: [String] = []
    public var uidMappings: [IDMapping]?
    public var gidMappings: [IDMapping]?
    public init(destination: String) { self.destination = destination }
}

/// config-linux.md, "User namespace mappings".
public struct IDMapping: Equatable, Sendable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var size: UInt32
    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }
}

/// config.md, "POSIX-platform Hooks".
public struct Hooks: Equatable, Sendable {
    public var prestart: [Hook] = []
    public var createRuntime: [Hook] = []
    public var createContainer: [Hook] = []
    public var startContainer: [Hook] = []
    public var poststart: [Hook] = []
    public var poststop: [Hook] = []
    public init() {}
}

public struct Hook: Equatable, Sendable {
    public var path: String
    /// The whole argv, `args[0]` included; empty if absent.
    public var args: [String] = []
    /// `nil` if absent: what the hook then inherits depends on its kind.
    public var env: [String]?
    /// Seconds, over zero.
    public var timeout: Int?
    public init(path: String) { self.path = path }
}
