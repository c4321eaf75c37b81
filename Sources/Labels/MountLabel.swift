/// `linux.mountLabel`: the context of all files of the file systems that are mounted for a container.
public struct MountLabel: Equatable, Sendable {
    public let context: SELinuxContext
    /// The key of fsconfig(2) for `Way.option`; its value is the context as it is, not quoted. `context` labels all
    /// files for good; `fscontext`, `defcontext` and `rootcontext` label the file system, unlabelled files, and its
    /// root (mount(8)).
    public let key: String

    public init(_ context: SELinuxContext, key: String? = nil) {
        self.context = context
        self.key = key ?? "context"
    }

    /// How a mount gets its label.
    public enum Way: Equatable, Sendable {
        /// By the mount option `context`: all files have it for as long as the mount lasts.
        case option
        /// By an extended attribute of the mounted root, after mounting: see `attribute`.
        case root
        /// Not at all.
        case none
    }

    /// The extended attribute for `Way.root`; its value is the context with a zero byte at the end, as
    /// setfilecon(3) writes it.
    public static let attribute = "security.selinux"

    /// The way for a file system of this type.
    ///
    /// The policy labels the files of procfs and sysfs one by one, and those of the cgroup file systems
    /// belong to the host; an option would be refused, or hold for all mounts of them at once. The message
    /// queues' file system knows no options. A bind mount takes none either: its files have their labels,
    /// which container engines change themselves if asked to (`:z`, `:Z`).
    public static func way(type: String?, isBind: Bool) -> Way {
        if isBind { return .none }
        switch type {
        case nil, "", "bind", "proc", "sysfs", "cgroup", "cgroup2": return .none
        case "mqueue": return .root
        default: return .option
        }
    }

    /// The option in the form that mount(2) takes: `context="…"`. The quotes keep commas in a range
    /// (`s0:c1,c2`) from ending the option.
    public var option: String { "\(key)=\"\(context.description)\"" }

    /// The data of mount(2) with the option added.
    public func appended(to data: String) -> String { data.isEmpty ? option : "\(data),\(option)" }
}
