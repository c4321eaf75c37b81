import DBus
import Diagnosis
import Kernel

/// What a container asks of the systemd driver beside what it asks of any.
public struct SystemdRequest: Equatable, Sendable {
    /// Of a user's own manager, rather than the system's.
    public var isUser: Bool
    /// The configuration's: those named `org.systemd.property.…` are for the unit.
    public var annotations: [String: String]

    public init(isUser: Bool, annotations: [String: String]) {
        self.isUser = isUser
        self.annotations = annotations
    }
}

/// The systemd unit, a scope or a slice, whose cgroup is a container's.
///
/// The value is a name: it may outlive the unit.
public struct SystemdUnit: Equatable, Sendable {
    /// With its suffix: `apus-c1.scope`.
    public let name: String
    /// Of a user's own manager, rather than the system's.
    public let isUser: Bool

    public init(name: String, isUser: Bool) {
        self.name = name
        self.isUser = isUser
    }

    /// A unit that is to be started: all that can be found out about it beforehand.
    struct Plan {
        let name: UnitName
        let annotated: [UnitProperty]
        /// Of its cgroup, below the mount.
        let path: [String]
    }

    /// - Throws: systemd does not run here; or what is wrong with the configuration.
    static func plan(_ request: CgroupRequest, _ systemd: SystemdRequest) throws(Failure) -> Plan {
        guard SystemdBus.isBooted else {
            throw Failure(
                .option("--systemd-cgroup"),
                reason: "systemd not running on this host, cannot use systemd cgroups manager",
                remedy: "leave the option out")
        }
        let name = try UnitName(cgroupsPath: request.cgroupsPath, id: request.id, isUser: systemd.isUser)
        let annotated = try [UnitProperty].annotated(systemd.annotations)
        // Everything that any release can be told, so that what is wrong with it is found now.
        _ = try request.limits.unitProperties(systemd: .max)
        var path = try name.path
        if systemd.isUser {
            path =
                try blaming("ask the user's systemd for its cgroup") { () throws(DBusError) in
                    try manager(isUser: true).controlGroup()
                } + path
        }
        return Plan(name: name, annotated: annotated, path: path)
    }

    /// Starts the unit around a process, and waits until it is there.
    ///
    /// - Throws: also if there is such a unit already, which is left alone.
    ///
    /// - Parameter isLegacy: see ``DeviceFilter/unitProperties(systemd:isLegacy:)``.
    static func start(
        _ plan: Plan, _ request: CgroupRequest, _ systemd: SystemdRequest, pid: Int32, isLegacy: Bool
    ) throws(Failure) {
        let (manager, version) = try connect(isUser: systemd.isUser)
        let limits = request.limits
        // A later property of the same name wins: limits over annotations, as with runc.
        var properties = [UnitProperty].base(plan.name, pid: pid) + plan.annotated
        properties += limits.unitCreationProperties(systemd: version)
        properties += limits.devices.unitProperties(systemd: version, isLegacy: isLegacy)
        properties += try limits.unitProperties(systemd: version)
        let unit = plan.name.unit
        do throws(DBusError) {
            try manager.start(unit, properties)
        } catch {
            let isConfigured = request.cgroupsPath?.isEmpty == false
            var failure = Failure(
                isConfigured ? .config(CgroupPath.origin) : .runtime, doing: "start systemd unit \(unit)",
                error)
            if error.name == "org.freedesktop.systemd1.UnitExists" {
                failure.remedy = "stop it (systemctl stop \(unit)), or name another one in linux.cgroupsPath"
                throw failure
            }
            // Without an answer, or with a failed job, it may be there by halves.
            if error.name == nil {
                manager.kill(unit)
                try? manager.stop(unit)
            }
            throw failure
        }
    }

    /// Tells systemd of new limits.
    ///
    /// - Parameters:
    ///   - devices: whether of the device rules, too.
    ///   - isLegacy: see ``DeviceFilter/unitProperties(systemd:isLegacy:)``.
    func set(_ limits: Limits, devices: Bool, isLegacy: Bool) throws(Failure) {
        let (manager, version) = try Self.connect(isUser: isUser)
        var properties =
            devices ? limits.devices.unitProperties(systemd: version, isLegacy: isLegacy) : []
        properties += try limits.unitProperties(systemd: version)
        if properties.isEmpty { return }
        try Self.blaming("set properties of systemd unit \(name)") { () throws(DBusError) in
            try manager.set(properties, of: name)
        }
    }

    /// Moves a process into the unit's cgroup, or into one below it.
    func attach(pid: Int32, to cgroup: Cgroup) throws(Failure) {
        try Self.blaming("attach process \(pid) to systemd unit \(name)") { () throws(DBusError) in
            try Self.manager(isUser: isUser).attach([pid], to: name, below: path(of: cgroup))
        }
    }

    /// Where a cgroup is, seen from the unit's own: `/` is that itself.
    func path(of cgroup: Cgroup) -> String {
        let names = cgroup.path.split(separator: "/")
        guard let own = names.firstIndex(where: { $0 == name }) else { return "/" }
        return "/" + names[(own + 1)...].joined(separator: "/")
    }

    /// Stops the unit and waits until it is gone. Nothing happens if there is none.
    func stop() throws(Failure) {
        try Self.blaming("stop systemd unit \(name)") { () throws(DBusError) in
            try Self.manager(isUser: isUser).stop(name)
        }
    }

    private static func manager(isUser: Bool) throws(DBusError) -> SystemdManager {
        SystemdManager(try SystemdBus.current(isUser: isUser))
    }

    private static func connect(isUser: Bool) throws(Failure) -> (manager: SystemdManager, version: Int) {
        try blaming("ask systemd for its version") { () throws(DBusError) in
            let manager = try manager(isUser: isUser)
            return (manager, try manager.version())
        }
    }

    private static func blaming<Result>(
        _ doing: String, _ body: () throws(DBusError) -> Result
    ) throws(Failure) -> Result {
        do throws(DBusError) {
            return try body()
        } catch {
            throw Failure(doing: doing, error)
        }
    }
}
