import Diagnosis
import Glibc
import Kernel

/// What a container asks of the control groups.
public struct CgroupRequest: Equatable, Sendable {
    /// `linux.cgroupsPath`.
    public var cgroupsPath: String?
    /// The container's.
    public var id: String
    public var limits: Limits
    public var devices: DeviceEnforcement
    /// The host's user who is to own the cgroup: see ``Cgroup/delegate(to:)``.
    public var owner: UInt32?
    /// For the systemd driver; `nil` for the file-system driver.
    public var systemd: SystemdRequest?

    public init(
        cgroupsPath: String?, id: String, limits: Limits, devices: DeviceEnforcement = .required,
        owner: UInt32? = nil, systemd: SystemdRequest? = nil
    ) {
        self.cgroupsPath = cgroupsPath
        self.id = id
        self.limits = limits
        self.devices = devices
        self.owner = owner
        self.systemd = systemd
    }
}

extension CgroupRequest {
    /// Whether a failure to make the cgroup may be passed over, so that a user's container runs without one: the user
    /// was not given a part of the tree, but has not asked for anything there either. Device rules are no reason:
    /// the user has no right to more devices than the rules could take away.
    public func isDispensable(after failure: Failure) -> Bool {
        guard (cgroupsPath ?? "").isEmpty, limits.isEmpty, let errno = failure.errno else {
            return false
        }
        return [Errno(EACCES), Errno(EPERM), Errno(EROFS)].contains(errno)
    }
}

/// A container's cgroups: one in each hierarchy of the host that it has a place in. All that the verbs do with
/// cgroups goes through here, whatever the host mounts.
///
/// The value is a name, as ``Cgroup`` is: it may outlive what it names.
public struct ContainerCgroup: Equatable, Sendable {
    /// Its place in the cgroup v2 tree, if the host has one.
    public private(set) var unified: Cgroup?
    /// Its places in the cgroup v1 hierarchies, if the host has such.
    public private(set) var legacy: LegacyCgroup?
    /// The systemd unit that the cgroup belongs to, under the systemd driver.
    public private(set) var unit: SystemdUnit?

    /// The directories by controller, the key of the cgroup v2 tree's being empty: the form in which they are
    /// kept in the container's record, which is runc's `cgroup_paths`.
    public var paths: [String: String] {
        var paths = legacy?.paths ?? [:]
        if let unified { paths[""] = unified.path }
        return paths
    }

    /// Those that ``paths`` and ``unit`` once gave.
    public init(paths: [String: String], unit: SystemdUnit? = nil) {
        self.init(unified: paths[""], legacy: paths.filter { !$0.key.isEmpty }, unit: unit)
    }

    /// Those that ``paths`` and ``unit`` once gave: the cgroup v2 tree's, and the others.
    public init(unified: String?, legacy: [String: String], unit: SystemdUnit? = nil) {
        self.unified = unified.map { Cgroup(path: $0) }
        self.legacy = LegacyCgroup(paths: legacy)
        self.unit = unit
    }

    /// None in any hierarchy.
    public init() {}

    /// Where ``create(_:on:)`` or ``start(_:pid:on:)`` would make them; nothing is made.
    public static func planned(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> Self {
        if let systemd = request.systemd { return try planned(request, systemd, on: host) }
        var planned = ContainerCgroup()
        planned.unified = try Cgroup.planned(cgroupsPath: request.cgroupsPath, id: request.id, on: host)
        planned.legacy = try LegacyCgroup.planned(request, on: host)
        return planned
    }

    /// Whether the container has no place in any hierarchy.
    public var isEmpty: Bool { unified == nil && legacy == nil }

    /// The cgroup below the container's that `exec --cgroup` names. It has to be there.
    ///
    /// - Parameter written: `PATH`, relative to the container's cgroup; `CONTROLLERS:PATH` means something in
    ///   cgroup v1 only. None at all is the container's own.
    public func below(_ written: [String]) throws(Failure) -> Self {
        guard let path = written.last else { return self }
        if legacy != nil { return try belowLegacy(written) }
        let option = Failure.Origin.option("--cgroup")
        guard let unified else { throw Failure(option, reason: "the container has no cgroup") }
        if written.count > 1 || path.utf8.contains(UInt8(ascii: ":")) {
            throw Failure(
                option, reason: "\(path): a list of controllers has no meaning in cgroup v2",
                remedy: "give one path below the container's cgroup")
        }
        let names = CgroupPath.cleaned(path)
        var place = self
        place.unified = Cgroup(path: ([unified.path] + names).joined(separator: "/"))
        guard let found = place.unified?.path, FileTree.exists(found) else {
            throw Failure(option, errno: Errno(ENOENT), reason: "\(path) is not below \(unified.path)")
        }
        return place
    }

    /// Makes them. The limits are set by ``apply(_:on:)``.
    ///
    /// - Returns: the directories that had to be made, the outermost first: those that are to go if the
    ///   container comes to nothing. One that somebody made beforehand is theirs.
    /// - Throws: as ``Cgroup/create(cgroupsPath:id:limits:on:)``. Nothing is left behind.
    public func create(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> [String] {
        guard legacy != nil else { return try createUnified(request, on: host) }
        let made = try LegacyCgroup.create(LegacyChain.all(request, on: host), request)
        if unified == nil { return made }
        do throws(Failure) {
            return made + (try createUnified(request, on: host))
        } catch {
            for directory in made.reversed() { _ = try? FileTree.removeDirectory(directory) }
            throw error
        }
    }

    private func createUnified(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> [String] {
        guard let unified else {
            try host.refuse(request.limits)
            return []
        }
        return try unified.create(cgroupsPath: request.cgroupsPath, limits: request.limits, on: host)
            .directories
    }

    /// Kills what runs in the cgroups, and removes of their directories those that ``create(_:on:)`` or
    /// ``prepare(_:on:)`` made.
    public func discard(_ made: [String]) throws(Failure) {
        // A unit that is not started may be somebody's of the same name.
        if unit == nil { try kill() }
        for directory in made.reversed() {
            // One outside may have become another container's parent meanwhile.
            if paths.values.contains(directory) {
                try Cgroup(path: directory).remove()
            } else {
                _ = try? FileTree.removeDirectory(directory)
            }
        }
    }

    /// Sets the limits, guards the devices, and gives the cgroup to its owner.
    ///
    /// - Returns: warnings for the user.
    public func apply(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> [String] {
        if let unit {
            try unified?.check(request.limits.usageChecks)
            try unit.set(request.limits, devices: true, isLegacy: unified == nil)
        }
        return try applyDirectly(request, on: host)
    }

    func applyDirectly(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> [String] {
        let limits = unit == nil ? request.limits : request.limits.roundedForSystemd()
        try legacy?.apply(limits.legacy, on: host)
        var warnings: [String] = []
        if let legacy, guardsByLegacy(limits.devices) {
            warnings = try legacy.guardDevices(limits.devices, request.devices, on: host)
        }
        guard let unified else {
            if legacy == nil { return host.isDisabled ? limits.devices.unguarded : [] }
            return limits.warnings + warnings
        }
        warnings += try unified.apply(limits, on: host, devices: request.devices)
        if let owner = request.owner { try unified.delegate(to: owner) }
        return warnings
    }

    /// Whether the v1 controller is told which devices are let in: where there is no program of the cgroup v2 tree to
    /// do it, and where systemd has told it already, in words that may let in less.
    func guardsByLegacy(_ devices: DeviceFilter) -> Bool {
        if unified == nil { return true }
        return unit != nil && legacy?.paths["devices"] != nil && devices.allowed != nil
    }

    /// Whether ``apply(_:on:)`` takes all devices away and then gives some back, one by one: a process that is in the
    /// cgroup meanwhile is without them. A program of the cgroup v2 tree is there all at once.
    public func withholdsDevices(applying request: CgroupRequest) -> Bool {
        guardsByLegacy(request.limits.devices)
    }

    /// Moves a process into them, where it could not be born in them.
    public func add(pid: Int32) throws(Failure) {
        if let unified {
            if let unit { try unit.attach(pid: pid, to: unified) } else { try unified.add(pid: pid) }
        }
        try legacy?.add(pid: pid)
    }

    /// The cgroup by which somebody else is to stop all processes, and to let them go: the one that has stopped them
    /// already, or that of the v1 freezer, where there is one.
    public func freezerPath() throws(Failure) -> String? {
        if let unified, try unified.isFrozen() { return unified.path }
        return legacy?.freezer?.path ?? unified?.path
    }

    /// Whether the processes are stopped, or being stopped, by the freezer.
    public func isFrozen() throws(Failure) -> Bool {
        if try unified?.isFrozen() == true { return true }
        return try legacy?.freezer?.isFrozen() ?? false
    }

    /// Stops the processes, and returns when they are stopped; see ``Cgroup/freeze(within:)``. By the v1 freezer
    /// where there is no cgroup v2 tree.
    public func freeze() throws(Failure) {
        if let unified { return try unified.freeze() }
        guard let freezer = legacy?.freezer else {
            throw Failure(
                isEmpty
                    ? "the container has no cgroup, and only a cgroup can be paused"
                    : "the container cannot be paused: there is neither a cgroup v2 tree nor the v1 freezer")
        }
        try freezer.freeze()
    }

    /// Lets stopped processes go on, whoever stopped them; see ``Cgroup/thaw()``.
    public func thaw() throws(Failure) {
        try unified?.thaw()
        try legacy?.freezer?.thaw()
    }

    /// The processes in the cgroup and below it, by pid.
    public func pids() throws(Failure) -> [Int32] { try (unified ?? legacy?.tracker)?.pids() ?? [] }

    /// SIGKILL for every process, those being forked too.
    public func kill() throws(Failure) {
        guard let unified else {
            try legacy?.kill()
            return
        }
        try unified.kill()
        // What somebody stopped by the v1 freezer dies when it is let go.
        if let freezer = legacy?.freezer, try freezer.isFrozen() { try? freezer.thaw() }
    }

    /// A signal for every process.
    public func signalAll(_ signal: Int32) throws(Failure) {
        if let unified { try unified.signalAll(signal) } else { try legacy?.signalAll(signal) }
    }

    /// Removes the cgroups and all below them, and stops the unit. Nothing happens to those that are gone.
    ///
    /// - Throws: the first failure, when all has been tried.
    public func remove() throws(Failure) {
        var refusal: Failure?
        func attempt(_ step: () throws(Failure) -> Void) {
            do throws(Failure) { try step() } catch { refusal = refusal ?? error }
        }
        attempt { () throws(Failure) in try unit?.stop() }
        // Old releases of systemd leave what is below the unit's cgroup.
        attempt { () throws(Failure) in try unified?.remove() }
        attempt { () throws(Failure) in try legacy?.remove() }
        if let refusal { throw refusal }
    }

    /// Removes the cgroup if nobody is in it and nothing below it, as is the rule once a container has ended.
    ///
    /// - Returns: whether it is gone.
    public func removeIfEmpty() -> Bool {
        guard unit == nil, legacy == nil, let unified else { return false }
        return (try? FileTree.removeDirectory(unified.path)) != nil
    }

    /// Whether the kernel has killed a process of the container for want of memory.
    public var hasKilledForMemory: Bool {
        unified?.hasKilledForMemory == true || legacy?.hasKilledForMemory == true
    }

    /// Whether memory ran out in it, though perhaps nobody was killed. cgroup v1 keeps no count of that.
    public var hasRunOutOfMemory: Bool { unified?.hasRunOutOfMemory == true }
}
