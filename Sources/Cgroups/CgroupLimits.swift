import Diagnosis
import Glibc
import Kernel

/// How seriously device rules are taken where the kernel does not let the runtime set them.
public enum DeviceEnforcement: Equatable, Sendable {
    /// An error.
    case required
    /// A warning: the container's processes have no right to devices that their user does not have. For
    /// rootless runtimes.
    case bestEffort
}

extension Cgroup {
    /// Sets the limits and guards the devices. Before the container's first process runs anything.
    ///
    /// - Returns: warnings for the user, those of ``Limits/warnings`` among them.
    /// - Throws: at the first value that could not be set, with the field that asked for it.
    public func apply(
        _ limits: Limits, on host: CgroupHost, devices: DeviceEnforcement = .required
    ) throws(Failure) -> [String] {
        try check(limits.usageChecks)
        try write(limits.settings, on: host)
        return limits.warnings + (try guardDevices(limits.devices, devices))
    }

    /// What is in use is read once a file; one that is not there forbids nothing.
    func check(_ checks: [UsageCheck]) throws(Failure) {
        for check in checks {
            guard let text = try? FileTree.readText(file(check.file)), let usage = UInt64(text),
                check.limit <= usage
            else { continue }
            throw Failure(
                at: check.origin, "rejecting memory limit \(check.limit) <= usage \(usage)",
                remedy: "memory.checkBeforeUpdate asks for this check")
        }
    }

    func write(_ settings: [Setting], on host: CgroupHost) throws(Failure) {
        var postponed: [Setting] = []
        for setting in settings {
            do throws(SystemError) {
                try write(setting)
            } catch  where setting.refusal == .onceMoreAtTheEnd && error.errno == Errno(EINVAL) {
                postponed.append(setting)
            } catch {
                throw failure(of: setting, error, on: host)
            }
        }
        for setting in postponed {
            do throws(SystemError) {
                try write(setting)
            } catch {
                throw failure(of: setting, error, on: host)
            }
        }
    }

    private func write(_ setting: Setting) throws(SystemError) {
        do throws(SystemError) {
            try write(setting.value, to: setting.file)
        } catch  where error.errno == Errno(ENOENT) {
            switch setting.refusal {
            case .redundantIfMissing: return
            case .elsewhere(let file, let value): try write(value, to: file)
            case .final, .onceMoreAtTheEnd: throw error
            }
        }
    }

    private func write(_ value: String, to name: String) throws(SystemError) {
        let path = file(name)
        let lines = value.split(separator: "\n")
        // write(2) of nothing would not reach the kernel's parser; a line end resets such a file.
        if lines.isEmpty { return try FileTree.write("\n", to: path) }
        for line in lines { try FileTree.write(String(line), to: path) }
    }

    private func failure(of setting: Setting, _ error: SystemError, on host: CgroupHost) -> Failure {
        var failure = Failure(.config(setting.origin), error)
        failure.doing = "write \"\(setting.value)\" to \(file(setting.file))"
        guard error.errno == Errno(ENOENT) else { return failure }
        if setting.controller != .core, let mount = host.unifiedMount, path.hasPrefix(mount + "/") {
            let names = path.dropFirst(mount.utf8.count).split(separator: "/").map(String.init)
            if let missing = MissingController.find(
                setting.controller, host: host, mount: mount, names: names)
            {
                return missing.failure(of: setting)
            }
        }
        failure.reason = setting.whenMissing ?? "the kernel has no such file"
        return failure
    }

    func guardDevices(
        _ filter: DeviceFilter, _ enforcement: DeviceEnforcement
    ) throws(Failure) -> [String] {
        do throws(SystemError) {
            let directory = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
            if filter.allowsEverything {
                // A cgroup that was there before may have its former container's filter. Whoever may not look
                // for one could not have put one there either.
                if let old = try? DeviceProgram.attached(to: directory), !old.isEmpty {
                    try DeviceProgram.detachAll(from: directory)
                }
                return []
            }
            try DeviceProgram.load(filter.instructions).attach(to: directory)
            return []
        } catch {
            if enforcement == .bestEffort { return [] }
            if filter.origin == nil { return ["access to devices is not restricted: \(error)"] }
            throw Failure(
                filter.origin.map { .config($0) } ?? .runtime, error,
                remedy: error.errno == Errno(EINVAL)
                    ? "device rules need a kernel with CONFIG_CGROUP_BPF" : nil)
        }
    }
}
