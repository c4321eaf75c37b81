import Diagnosis
import Glibc
import Kernel
import Netlink
import OCISpec

/// Network devices on their way from the runtime's network namespace into the container's (config-linux.md,
/// "Network Devices"), and, if nothing comes of the container, back.
///
/// Once there, they are the container's: when its network namespace goes away, the kernel gives physical devices to the
/// host and destroys virtual ones.
final class NetDeviceMove {
    private let outside: RouteConnection
    private let inside: RouteConnection
    /// The runtime's network namespace, and the container's.
    private let home: FileDescriptor
    private let target: FileDescriptor
    private var moved: [Moved] = []

    private struct Moved {
        var name: String
        var wasUp: Bool
        var addresses: [Address]
        /// In the container.
        var index: Int32
        var pointer: Pointer
    }

    /// Checks what can be checked before there is a container.
    static func check(_ config: Config, isRootless: Bool) throws(Failure) {
        guard let devices = config.linux?.netDevices, !devices.isEmpty else { return }
        guard !isRootless else {
            throw Failure(
                at: pointer, "a rootless runtime cannot give away the host's network devices",
                remedy: "run it as root, or do without")
        }
        let namespaces = config.linux?.namespaces ?? []
        if let index = namespaces.firstIndex(where: { $0.type == .network }),
            let path = namespaces[index].path
        {
            try refuseOwn(path, at: Pointer("/linux/namespaces").index(index).key("path"))
        }
        let outside = try connect()
        for device in devices { _ = try find(device, outside) }
    }

    private static func refuseOwn(_ path: String, at pointer: Pointer) throws(Failure) {
        let isOwn = try Failure.blaming(.config(pointer)) { () throws(SystemError) in
            try NamespaceFile.areSame(
                FileDescriptor.open(path, O_RDONLY),
                NamespaceFile.open("net", ofProcess: ProcessControl.ownPID))
        }
        guard isOwn else { return }
        throw Failure(
            at: Self.pointer, "\(path) is the runtime's own network namespace: there is nowhere to move to",
            remedy: "give the container a network namespace of its own")
    }

    /// - Parameter pid: a process in the container's network namespace.
    init(pid: Int32) throws(Failure) {
        let pointer = Failure.Origin.config(Self.pointer)
        home = try Failure.blaming(pointer) { () throws(SystemError) in
            try NamespaceFile.open("net", ofProcess: ProcessControl.ownPID)
        }
        let target = try Failure.blaming(pointer) { () throws(SystemError) in
            try NamespaceFile.open("net", ofProcess: pid)
        }
        outside = try Self.connect()
        inside = RouteConnection(
            try Failure.blaming(pointer) { () throws(SystemError) in try NetlinkSocket(in: target) })
        self.target = target
    }

    private static func connect() throws(Failure) -> RouteConnection {
        RouteConnection(
            try Failure.blaming(.config(pointer)) { () throws(SystemError) in try NetlinkSocket() })
    }

    private static let pointer = Pointer("/linux/netDevices")

    private static func find(_ device: NetDevice, _ outside: RouteConnection) throws(Failure) -> Link {
        let pointer = pointer.key(device.hostName)
        let link = try blaming(pointer, "look for the network device \(device.hostName)") {
            () throws(Refusal) in
            try outside.link(named: device.hostName)
        }
        guard let link else {
            throw Failure(
                at: pointer, "the runtime's network namespace has no network device \(device.hostName)",
                remedy: "see `ip link`")
        }
        return link
    }

    // MARK: there

    func move(_ device: NetDevice, transit: String) throws(Failure) {
        let link = try Self.find(device, outside)
        let pointer = Self.pointer.key(device.hostName)
        let name = device.name ?? link.name
        let isTemplate = name.utf8.contains(UInt8(ascii: "%"))
        let addresses = try Self.blaming(pointer, "read the addresses of \(link.name)") {
            () throws(Refusal) in
            try outside.addresses(of: link.index)
        }
        if !isTemplate,
            try Self.blaming(
                pointer, "look for \(name)",
                { () throws(Refusal) in
                    try inside.link(named: name)
                }) != nil
        {
            throw Failure(
                .config(device.name == nil ? pointer : pointer.key("name")),
                doing: "move \(link.name) to the container", errno: Errno(EEXIST),
                reason: "it has a network device \(name) already",
                remedy: "choose another name, or a template such as \"eth%d\"")
        }
        // Not by its name straight away: where that is taken in the meantime, the kernel says so when the device
        // is there already. And of a template only the kernel knows what becomes, but the number is lost on the way.
        try Self.blaming(
            pointer, "move \(link.name) to the container",
            remedy: "lo, bridges and other devices that belong to their network namespace cannot be moved"
        ) { () throws(Refusal) in try outside.move(link.index, to: target.number, as: transit) }
        let arrived = try Self.blaming(pointer, "find \(link.name) in the container") { () throws(Refusal) in
            try inside.link(named: transit)
        }
        guard let arrived else { throw Failure(at: pointer, "\(link.name) has not arrived in the container") }
        moved.append(
            Moved(
                name: link.name, wasUp: link.isUp, addresses: addresses, index: arrived.index,
                pointer: pointer))
        try Self.blaming(pointer.key("name"), "name \(link.name) \(name) in the container") {
            () throws(Refusal) in try inside.rename(arrived.index, to: name)
        }
        for address in addresses where address.isPermanent && address.isGlobal {
            try Self.blaming(pointer, "give \(link.name) its address again") { () throws(Refusal) in
                try inside.add(address, to: arrived.index)
            }
        }
        try Self.blaming(pointer, "set \(link.name) up in the container") { () throws(Refusal) in
            try inside.setUp(arrived.index)
        }
    }

    // MARK: and back again

    /// Undoes it, as far as it can be undone: routes over the devices are gone for good.
    ///
    /// - Returns: what went wrong with single devices.
    func giveBack() -> [String] {
        var complaints: [String] = []
        for device in moved.reversed() {
            do throws(Failure) {
                try giveBack(device)
            } catch {
                complaints.append("\(error)")
            }
        }
        moved = []
        return complaints
    }

    private func giveBack(_ device: Moved) throws(Failure) {
        try Self.blaming(device.pointer, "move \(device.name) back to the host") { () throws(Refusal) in
            try inside.move(device.index, to: home.number, as: device.name)
        }
        try Self.blaming(device.pointer, "set up \(device.name) again") { () throws(Refusal) in
            guard let link = try outside.link(named: device.name) else { throw Refusal(Errno(ENODEV)) }
            for address in device.addresses {
                // The kernel makes the rest of them itself, anew.
                if address.family == AF_INET6 && !(address.isPermanent && address.isGlobal) { continue }
                try outside.add(address, to: link.index)
            }
            if device.wasUp { try outside.setUp(link.index) }
        }
    }

    private static func blaming<Result>(
        _ pointer: Pointer, _ doing: String, remedy: String? = nil, _ body: () throws(Refusal) -> Result
    ) throws(Failure) -> Result {
        do throws(Refusal) {
            return try body()
        } catch {
            throw Failure(
                .config(pointer), doing: doing, errno: error.errno, reason: error.words,
                remedy: error.errno == Errno(EINVAL) ? remedy : nil)
        }
    }
}
