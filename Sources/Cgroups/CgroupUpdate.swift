import Diagnosis
import Glibc
import Kernel

/// New limits for a container that is there.
public struct CgroupUpdate: Equatable, Sendable {
    /// Those to be set; others stay as they are.
    public var limits: Limits
    /// Whether the device rules are new; if not, those of ``limits`` mean nothing.
    public var replacesDevices: Bool
    public var devices: DeviceEnforcement
    /// The limits that held before, for systemd to hear again if the new ones fail.
    public var former: Limits?

    public init(
        _ limits: Limits, replacesDevices: Bool, devices: DeviceEnforcement = .required,
        former: Limits? = nil
    ) {
        self.limits = limits
        self.former = former
        self.replacesDevices = replacesDevices
        self.devices = devices
    }
}

/// What an update did, so that it can be undone.
public struct UpdatedCgroup: Sendable {
    /// For the user.
    public internal(set) var warnings: [String] = []
    private(set) var former: [FormerValue] = []

    /// Gives the files their former values back, the last one first. New device rules stay.
    ///
    /// - Returns: the files that did not take theirs.
    public func undo() -> [String] {
        // A value that is checked against another one may only be taken when that has its former value too.
        former.reversed().filter { !$0.restore() }.filter { !$0.restore() }.map(\.path)
    }

    mutating func remember(_ values: [FormerValue]) { former += values }

    mutating func remember(_ settings: [Setting], of cgroup: Cgroup) {
        remember(
            settings.flatMap { setting in
                setting.files.compactMap { file, value in
                    FormerValue(path: cgroup.file(file), of: file, replacedBy: value)
                }
            })
    }

    mutating func add(_ other: UpdatedCgroup) {
        warnings += other.warnings
        former += other.former
    }

    /// Undoes, and adds to the failure what could not be undone.
    func undone(after failure: Failure) -> Failure {
        var failure = failure
        let lost = undo()
        if !lost.isEmpty {
            failure.reason += failure.reason.isEmpty ? "" : "; "
            failure.reason += "the former value could not be put back in \(lost.joined(separator: ", "))"
        }
        return failure
    }
}

extension ContainerCgroup {
    /// Sets new limits. All of them are set, or none is.
    ///
    /// - Throws: for the field that asked for what could not be set.
    public func update(_ update: CgroupUpdate, on host: CgroupHost) throws(Failure) -> UpdatedCgroup {
        guard !isEmpty || update.limits.isEmpty && !update.replacesDevices else {
            throw Failure("the container has no cgroup to set limits in")
        }
        guard let unit else { return try updateDirectly(update, on: host) }
        // systemd first: it writes its own idea of every file of a controller that it hears of.
        try unit.set(
            update.limits, devices: update.replacesDevices, isLegacy: unified == nil)
        do throws(Failure) {
            var rounded = update
            rounded.limits = update.limits.roundedForSystemd()
            return try updateDirectly(rounded, on: host)
        } catch {
            if let former = update.former { try? unit.set(former, devices: false, isLegacy: false) }
            throw error
        }
    }

    private func updateDirectly(
        _ update: CgroupUpdate, on host: CgroupHost
    ) throws(Failure) -> UpdatedCgroup {
        var done = UpdatedCgroup()
        if let legacy {
            let guardsDevices = guardsByLegacy(update.limits.devices)
            done.add(try legacy.update(update, guardsDevices: guardsDevices, on: host))
        }
        guard let unified else {
            done.warnings += update.limits.warnings
            return done
        }
        do throws(Failure) {
            done.add(try unified.update(update, on: host))
            return done
        } catch {
            throw done.undone(after: error)
        }
    }
}

extension Cgroup {
    func update(_ update: CgroupUpdate, on host: CgroupHost) throws(Failure) -> UpdatedCgroup {
        try check(update.limits.usageChecks)
        passOnControllers(for: update.limits, on: host)
        var done = UpdatedCgroup()
        done.warnings = update.limits.warnings
        done.remember(update.limits.settings, of: self)
        do throws(Failure) {
            try Self.patiently { () throws(Failure) in try write(update.limits.settings, on: host) }
            if update.replacesDevices {
                done.warnings += try guardDevices(update.limits.devices, update.devices)
            }
        } catch {
            throw done.undone(after: error)
        }
        return done
    }

    /// EBUSY says that something else is being done with the cgroup, or that memory could not be reclaimed yet.
    static func patiently(_ write: () throws(Failure) -> Void) throws(Failure) {
        var attempts = 5
        while true {
            do throws(Failure) {
                return try write()
            } catch  where error.errno == Errno(EBUSY) && attempts > 1 {
                attempts -= 1
                ProcessControl.sleep(milliseconds: 10)
            }
        }
    }

    /// A container that asked for no limit may have been made without the controller for one. Best effort: the
    /// file that is missing then is an error.
    private func passOnControllers(for limits: Limits, on host: CgroupHost) {
        guard let mount = host.unifiedMount, path.hasPrefix(mount + "/"), FileTree.exists(path) else {
            return
        }
        let own = ControllerList.available(in: path)
        guard limits.controllers.contains(where: { !own.contains(Substring($0.name)) }) else { return }
        let names = path.dropFirst(mount.utf8.count).split(separator: "/").map(String.init)
        _ = try? CgroupChain(mount: mount, names: names, needed: limits.controllers, passesAll: false).make()
    }
}

extension Setting {
    /// The file, and the one that may stand in for it, each with its value.
    var files: [(file: String, value: String)] {
        guard case .elsewhere(let file, let value) = refusal else { return [(self.file, self.value)] }
        return [(self.file, self.value), (file, value)]
    }
}
