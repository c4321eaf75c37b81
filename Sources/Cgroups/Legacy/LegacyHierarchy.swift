/// A mounted cgroup v1 hierarchy (cgroups(7), "Cgroups version 1").
public struct LegacyHierarchy: Equatable, Sendable {
    /// The controllers that are bound to it, or the one name `name=systemd`; as `/proc/PID/cgroup` writes them.
    public let controllers: [String]
    /// The cgroup that is seen at the mount point.
    let root: String
    public let mountPoint: String

    init(controllers: [String], root: String = "/", mountPoint: String) {
        self.controllers = controllers
        self.root = root
        self.mountPoint = mountPoint
    }

    /// The name of the mount point's directory: `cpu,cpuacct`.
    public var name: String {
        mountPoint.split(separator: "/").last.map(String.init) ?? controllers.joined(separator: ",")
    }

    /// Whether it has no controller, but tracks processes for a service manager.
    var isNamed: Bool { controllers.contains { $0.hasPrefix("name=") } }
}

extension CgroupHost {
    /// Whether limits of this controller are cgroup v1's here: it is bound to a v1 hierarchy, or there is no
    /// cgroup v2 tree where it could be instead.
    func isLegacy(_ controller: Controller) -> Bool {
        legacy.contains { $0.controllers.contains(controller.v1Name) } || kind == .legacy
    }
}
