import Diagnosis
import Kernel

/// How this host mounts its control groups.
///
/// | kind | cgroup v2 | cgroup v1 |
/// |---|---|---|
/// | `unified` | on /sys/fs/cgroup, all controllers | – |
/// | `hybrid` | beside v1, with the controllers that v1 leaves | on /sys/fs/cgroup/NAME |
/// | `legacy` | – | on /sys/fs/cgroup/NAME |
/// | `none` | – | – |
public struct CgroupHost: Equatable, Sendable {
    public enum Kind: String, Equatable, Sendable { case unified, hybrid, legacy, none }

    public let kind: Kind
    /// Where the cgroup v2 tree is mounted, if it is.
    public let unifiedMount: String?
    /// The cgroup v1 hierarchies in which a container has a place. Empty on a unified host.
    public let legacy: [LegacyHierarchy]
    /// Whether there may be some, but the caller wants none used.
    public let isDisabled: Bool

    /// A host whose control groups are none of a container's business.
    public static let disabled = CgroupHost(kind: .none, unifiedMount: nil, isDisabled: true)

    init(kind: Kind, unifiedMount: String?, legacy: [LegacyHierarchy] = [], isDisabled: Bool = false) {
        self.kind = kind
        self.unifiedMount = unifiedMount
        self.legacy = legacy
        self.isDisabled = isDisabled
    }

    /// Looks at this host. One statfs(2) on a unified host that follows systemd's layout; any other is read from
    /// /proc/self/mountinfo.
    public static func detect() throws(Failure) -> CgroupHost {
        try detect(
            isUnified: { FileTree.isFileSystem($0, magic: Self.magic) },
            mountinfo: { () throws(SystemError) in try HostFile.mountinfo.text() })
    }

    /// As ``detect()``, with the host's answers from outside.
    static func detect(
        isUnified: (String) -> Bool, mountinfo: () throws(SystemError) -> String
    ) throws(Failure) -> CgroupHost {
        if isUnified("/sys/fs/cgroup") {
            return CgroupHost(kind: .unified, unifiedMount: "/sys/fs/cgroup")
        }
        do throws(SystemError) {
            return CgroupHost(CgroupMounts(mountinfo: try mountinfo()))
        } catch {
            throw Failure(.runtime, error)
        }
    }

    init(_ mounts: CgroupMounts) {
        let legacy = mounts.hierarchies
        switch (mounts.unified.first, mounts.legacy.isEmpty) {
        case (let unified?, true): self.init(kind: .unified, unifiedMount: unified.mountPoint)
        case (let unified?, false):
            self.init(kind: .hybrid, unifiedMount: unified.mountPoint, legacy: legacy)
        case (nil, false): self.init(kind: .legacy, unifiedMount: nil, legacy: legacy)
        case (nil, true): self.init(kind: .none, unifiedMount: nil)
        }
    }

    /// CGROUP2_SUPER_MAGIC (statfs(2)).
    private static let magic = 0x6367_7270

    /// Refuses limits on a host that has no cgroups at all to set them in.
    ///
    /// - Throws: for the first limit; for device rules that deny something.
    public func refuse(_ limits: Limits) throws(Failure) {
        let wanted = limits.settings.first { $0.refusal != .redundantIfMissing }
        if isDisabled {
            guard let wanted else { return }
            throw Failure(
                at: wanted.origin,
                "a limit needs a cgroup, and --cgroup-manager disabled gives the container none",
                remedy: "remove the limit, or choose another cgroup manager")
        }
        if let setting = wanted {
            throw MissingController(setting.controller, host: self).failure(of: setting)
        }
        if let origin = limits.devices.origin, !limits.devices.allowsEverything {
            throw Failure(
                at: origin, "device rules need a cgroup, and this host has no cgroup file system mounted",
                remedy: MissingController.bootUnified)
        }
    }
}

extension DeviceFilter {
    /// The warning for rules that nobody enforces.
    var unguarded: [String] {
        guard let origin, !allowsEverything else { return [] }
        return ["\(origin): the container has no cgroup, and so no guard of its devices"]
    }
}

/// The files of /proc that say what the kernel does with its controllers.
enum HostFile: String {
    case mountinfo = "/proc/self/mountinfo"
    case ownCgroups = "/proc/self/cgroup"
    case controllers = "/proc/cgroups"

    func text() throws(SystemError) -> String {
        let bytes = try FileTree.read(rawValue, limit: 16 << 20)
        return String(decoding: bytes, as: UTF8.self)
    }
}
