import Diagnosis
import OCISpec

/// What devices want of a container (CDI spec, "OCI Edits"), with what the documents left out looked up on this host.
public struct ContainerEdits: Sendable, Equatable {
    /// A device node, and what the container may do with it.
    public struct DeviceNode: Sendable, Equatable {
        public var device: Device
        /// Some of `rwm`; empty: nothing.
        public var access: String
    }

    /// `NAME=VALUE`.
    public var env: [String] = []
    public var deviceNodes: [DeviceNode] = []
    public var netDevices: [NetDevice] = []
    public var hooks = Hooks()
    public var mounts: [Mount] = []
    public var intelRdt: IntelRdt?
    /// Without 0, which the specification has ignored.
    public var additionalGids: [UInt32] = []

    public init() {}

    /// Adds what another wants: lists are appended, and the later `intelRdt` counts.
    mutating func append(_ other: ContainerEdits) {
        env += other.env
        deviceNodes += other.deviceNodes
        netDevices += other.netDevices
        hooks.prestart += other.hooks.prestart
        hooks.createRuntime += other.hooks.createRuntime
        hooks.createContainer += other.hooks.createContainer
        hooks.startContainer += other.hooks.startContainer
        hooks.poststart += other.hooks.poststart
        hooks.poststop += other.hooks.poststop
        mounts += other.mounts
        intelRdt = other.intelRdt ?? intelRdt
        additionalGids += other.additionalGids
    }
}

extension ContainerEdits {
    /// Changes a container's configuration accordingly.
    ///
    /// A variable, a device node or a mount that is there already is replaced; nodes without an owner get the
    /// container's user; bind mounts are mapped where the container has a user namespace; and mounts are put in an
    /// order in which none hides another that comes before it.
    public func apply(to config: inout Config) {
        if !env.isEmpty || !additionalGids.isEmpty { applyToProcess(&config) }
        applyDevices(&config)
        applyMounts(&config)
        if hooks != Hooks() {
            var edits = ContainerEdits()
            edits.hooks = config.hooks ?? Hooks()
            edits.append(self)
            config.hooks = edits.hooks
        }
        if intelRdt != nil || !netDevices.isEmpty {
            var linux = config.linux ?? Linux()
            if let intelRdt { linux.intelRdt = intelRdt }
            for device in netDevices {
                linux.netDevices.removeAll { $0.hostName == device.hostName }
                linux.netDevices.append(device)
            }
            config.linux = linux
        }
    }

    private func applyToProcess(_ config: inout Config) {
        guard var process = config.process else { return }
        for entry in env {
            let name = entry.prefix { $0 != "=" } + "="
            if let index = process.env.firstIndex(where: { $0.hasPrefix(name) }) {
                process.env[index] = entry
            } else {
                process.env.append(entry)
            }
        }
        for gid in additionalGids where !process.user.additionalGids.contains(gid) {
            process.user.additionalGids.append(gid)
        }
        config.process = process
    }

    private func applyDevices(_ config: inout Config) {
        if deviceNodes.isEmpty { return }
        var linux = config.linux ?? Linux()
        var resources = linux.resources ?? Resources()
        let user = config.process?.user
        for node in deviceNodes {
            var device = node.device
            if device.uid == nil, let uid = user?.uid, uid > 0 { device.uid = uid }
            if device.gid == nil, let gid = user?.gid, gid > 0 { device.gid = gid }
            linux.devices.removeAll { $0.path == device.path }
            linux.devices.append(device)
            guard device.type == .b || device.type == .c, !node.access.isEmpty else { continue }
            var rule = Resources.DeviceRule(allow: true)
            rule.type = device.type == .b ? .b : .c
            rule.major = device.major.map { Int64($0) }
            rule.minor = device.minor.map { Int64($0) }
            rule.access = node.access
            resources.devices.append(rule)
        }
        linux.resources = resources
        config.linux = linux
    }

    private func applyMounts(_ config: inout Config) {
        if mounts.isEmpty { return }
        let hasUserNamespace = config.linux?.namespaces.contains { $0.type == .user } ?? false
        for mount in mounts {
            config.mounts.removeAll { $0.destination == mount.destination }
            config.mounts.append(hasUserNamespace ? mount.idMapped : mount)
        }
        // Stable: sort(by:) promises nothing for those that are equal.
        config.mounts = config.mounts.enumerated().sorted {
            ($0.element.depth, $0.offset) < ($1.element.depth, $1.offset)
        }.map(\.element)
    }
}

extension Mount {
    /// How many names its destination has.
    fileprivate var depth: Int { destination.split(separator: "/").filter { $0 != "." }.count }

    /// With the option that maps IDs, if it is a bind mount without one.
    fileprivate var idMapped: Mount {
        if options.contains("idmap") || options.contains("ridmap") { return self }
        var mount = self
        if options.contains("rbind") {
            mount.options.append("ridmap")
        } else if options.contains("bind") || type == "bind" {
            mount.options.append("idmap")
        }
        return mount
    }
}
