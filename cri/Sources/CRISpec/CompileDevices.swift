import CRIProto
import Diagnosis
import OCISpec

extension Compilation {
    /// Nothing is allowed but what follows; runtimes add the usual nodes themselves.
    mutating func compileDevices() throws(SpecificationError) {
        var none = Resources.DeviceRule(allow: false)
        none.access = "rwm"
        linux.resources = Resources()
        linux.resources?.devices = [none]
        for (index, device) in input.container.devices.enumerated() {
            try compile(device, at: Self.container.key("devices").index(index))
        }
        guard security.privileged else { return }
        if !input.options.privilegedWithoutHostDevices {
            try addTree("/dev", to: "/dev", permissions: "", at: Self.securityContext.key("privileged"))
        }
        if !input.options.privilegedWithoutHostDevices || input.options.privilegedWithoutHostDevicesAllAllowed
        {
            var all = Resources.DeviceRule(allow: true)
            all.access = "rwm"
            linux.resources?.devices.append(all)
        }
    }

    private mutating func compile(_ device: Runtime_V1_Device, at pointer: Pointer) throws(SpecificationError)
    {
        guard device.hostPath.hasPrefix("/"), !device.hostPath.utf8.contains(0) else {
            throw SpecificationError(
                at: pointer.key("host_path"), "\(quoted(device.hostPath)) is not an absolute path")
        }
        let target = device.containerPath.isEmpty ? device.hostPath : device.containerPath
        guard target.hasPrefix("/"), cleanPath(target) != "/", !target.utf8.contains(0) else {
            throw SpecificationError(
                at: pointer.key("container_path"), "\(quoted(target)) is not an absolute path of a device")
        }
        let permissions = device.permissions.isEmpty ? "rwm" : device.permissions
        try validate(permissions: permissions, at: pointer.key("permissions"))
        let pointer = pointer.key("host_path")
        switch try entry(device.hostPath, at: pointer) {
        case .device(let node): add(node, at: cleanPath(target), permissions: permissions)
        case .directory:
            let directory = try canonical(device.hostPath, at: pointer).path
            try addTree(directory, to: cleanPath(target), permissions: permissions, at: pointer)
        case .other:
            throw SpecificationError(at: pointer, "\(device.hostPath) is neither a device nor a directory")
        }
    }

    private func entry(_ path: String, at pointer: Pointer) throws(SpecificationError) -> HostEntry {
        do throws(SystemError) {
            return try input.files.entry(path)
        } catch {
            throw SpecificationError(at: pointer, error)
        }
    }

    func canonical(_ path: String, at pointer: Pointer) throws(SpecificationError) -> HostPath {
        do throws(SystemError) {
            return try input.files.canonical(path)
        } catch {
            throw SpecificationError(at: pointer, error)
        }
    }

    private func validate(permissions: String, at pointer: Pointer) throws(SpecificationError) {
        for character in permissions where !"rwm".contains(character) {
            throw SpecificationError(
                at: pointer, "\(quoted(permissions)) is not made of r (read), w (write) and m (mknod)")
        }
    }

    /// All nodes below a directory, but those that are a container's own.
    private mutating func addTree(
        _ directory: String, to target: String, permissions: String, at pointer: Pointer
    ) throws(SpecificationError) {
        let names: [String]
        do throws(SystemError) {
            names = try input.files.list(directory).sorted()
        } catch {
            throw SpecificationError(at: pointer, error)
        }
        for name in names where !Self.ownNames.contains(name) {
            let path = directory + "/" + name
            // Links may lead back here, or nowhere, and nodes come and go.
            guard let real = try? input.files.canonical(path), real == HostPath(path: path, exists: true),
                let found = try? input.files.entry(path)
            else { continue }
            let place = target + "/" + name
            switch found {
            case .device(let node): add(node, at: place, permissions: permissions)
            case .directory: try addTree(path, to: place, permissions: permissions, at: pointer)
            case .other: continue
            }
        }
    }

    private static let ownNames: Set<String> = [
        "console", "pts", "ptmx", "shm", "fd", "mqueue", "stdin", "stdout", "stderr", "core", ".lxc",
        ".lxd-mounts", ".udev",
    ]

    private mutating func add(_ node: HostEntry.DeviceNode, at path: String, permissions: String) {
        var device = Device(type: node.type, path: path)
        device.major = node.major
        device.minor = node.minor
        device.fileMode = node.fileMode
        device.uid = node.uid
        device.gid = node.gid
        if input.options.deviceOwnershipFromSecurityContext {
            if security.hasRunAsUser { device.uid = process.user.uid }
            if security.hasRunAsGroup { device.gid = process.user.gid }
        }
        add(device, permissions: permissions)
    }

    /// - Parameter permissions: Empty adds no rule: one that allows all follows.
    private mutating func add(_ device: Device, permissions: String) {
        linux.devices.removeAll { $0.path == device.path }
        linux.devices.append(device)
        guard !permissions.isEmpty, device.type != .p else { return }
        var rule = Resources.DeviceRule(allow: true)
        rule.type = device.type == .b ? .b : .c
        rule.major = device.major.map(Int64.init)
        rule.minor = device.minor.map(Int64.init)
        rule.access = permissions
        linux.resources?.devices.append(rule)
    }
}
