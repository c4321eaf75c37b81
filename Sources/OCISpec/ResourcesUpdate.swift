/// An update of a container's resources: what it changes, what that makes of them, and what of it is to be
/// written. Pure.
///
/// The rules are runc's, as far as two runtimes can be told apart by them:
/// - What is not given stays. 0 counts as not given, as engines write it for that, where it is no value.
/// - An unlimited memory takes the limit on swap with it, unless that is given too.
/// - Of quota and period, the one that is not given keeps its value.
/// - `idle` without shares forgets the shares: the kernel does, too.
/// - Limits of one device, page size or file replace those of the same one, and stay beside the others'.
/// - Device rules that are those of the container already, which is what engines send, are none: programs beside
///   the runtime may have changed the cgroup's filter meanwhile. (runc takes no others either.)
public struct ResourcesUpdate: Equatable, Sendable {
    /// All that holds after the update.
    public private(set) var merged: Resources
    /// The part of it that the update can have changed.
    public private(set) var written = Resources()

    public init(_ changes: Resources, of current: Resources) {
        merged = current
        if let memory = changes.memory { take(memory) }
        if let cpu = changes.cpu { take(cpu) }
        if let limit = changes.pids?.limit {
            merged.pids = .init()
            merged.pids?.limit = limit
            written.pids = merged.pids
        }
        if let block = changes.blockIO { take(block) }
        for limit in changes.hugepageLimits {
            merged.hugepageLimits.put(limit) { $0.pageSize == limit.pageSize }
        }
        written.hugepageLimits = changes.hugepageLimits
        if let network = changes.network {
            merged.network = network
            written.network = network
        }
        for entry in changes.rdma { merged.rdma.put(entry) { $0.device == entry.device } }
        written.rdma = changes.rdma
        for entry in changes.unified { merged.unified.put(entry) { $0.file == entry.file } }
        written.unified = changes.unified
        if !changes.devices.isEmpty, changes.devices != current.devices {
            merged.devices = changes.devices
            written.devices = changes.devices
        }
    }

    private mutating func take(_ changes: Resources.Memory) {
        var memory = merged.memory ?? .init()
        if let limit = changes.limit, limit != 0 { memory.limit = limit }
        if let reservation = changes.reservation, reservation != 0 { memory.reservation = reservation }
        if changes.swap != nil || changes.limit == -1 { memory.swap = changes.swap }
        memory.kernel = changes.kernel ?? memory.kernel
        memory.kernelTCP = changes.kernelTCP ?? memory.kernelTCP
        memory.swappiness = changes.swappiness ?? memory.swappiness
        memory.disableOOMKiller = changes.disableOOMKiller ?? memory.disableOOMKiller
        memory.checkBeforeUpdate = changes.checkBeforeUpdate ?? memory.checkBeforeUpdate
        let isNew = memory.limit != merged.memory?.limit || memory.swap != merged.memory?.swap
        merged.memory = memory
        // All of it: what one of them means for a cgroup depends on the others.
        written.memory = memory
        // A container that uses all of its limit has to take an update that leaves the limit as it is.
        if !isNew { written.memory?.checkBeforeUpdate = nil }
    }

    private mutating func take(_ changes: Resources.CPU) {
        var cpu = merged.cpu ?? .init()
        var change = changes
        if let shares = changes.shares, shares != 0 {
            cpu.shares = shares
        } else if changes.idle != nil {
            cpu.shares = nil
        }
        cpu.idle = changes.idle ?? cpu.idle
        if (changes.quota ?? 0) != 0 || (changes.period ?? 0) != 0 {
            if let quota = changes.quota, quota != 0 { cpu.quota = quota }
            if let period = changes.period, period != 0 { cpu.period = period }
            // One file has both.
            change.quota = cpu.quota
            change.period = cpu.period
        }
        cpu.burst = changes.burst ?? cpu.burst
        cpu.realtimeRuntime = changes.realtimeRuntime ?? cpu.realtimeRuntime
        cpu.realtimePeriod = changes.realtimePeriod ?? cpu.realtimePeriod
        if let cpus = changes.cpus, !cpus.isEmpty { cpu.cpus = cpus }
        if let mems = changes.mems, !mems.isEmpty { cpu.mems = mems }
        merged.cpu = cpu
        written.cpu = change
    }

    private mutating func take(_ changes: Resources.BlockIO) {
        var block = merged.blockIO ?? .init()
        if let weight = changes.weight, weight != 0 { block.weight = weight }
        if let leafWeight = changes.leafWeight, leafWeight != 0 { block.leafWeight = leafWeight }
        for device in changes.weightDevice {
            var entry = device
            if let old = block.weightDevice.last(where: { $0.isSameDevice(as: device) }) {
                entry.weight = device.weight ?? old.weight
                entry.leafWeight = device.leafWeight ?? old.leafWeight
            }
            block.weightDevice.put(entry) { $0.isSameDevice(as: device) }
        }
        func put(_ devices: [Resources.ThrottleDevice], into list: inout [Resources.ThrottleDevice]) {
            for device in devices {
                list.put(device) { $0.major == device.major && $0.minor == device.minor }
            }
        }
        put(changes.throttleReadBpsDevice, into: &block.throttleReadBpsDevice)
        put(changes.throttleWriteBpsDevice, into: &block.throttleWriteBpsDevice)
        put(changes.throttleReadIOPSDevice, into: &block.throttleReadIOPSDevice)
        put(changes.throttleWriteIOPSDevice, into: &block.throttleWriteIOPSDevice)
        merged.blockIO = block
        written.blockIO = changes
    }
}

extension Resources.WeightDevice {
    fileprivate func isSameDevice(as other: Self) -> Bool { major == other.major && minor == other.minor }
}

extension Array {
    /// In the place of the last one that fits: of several for the same thing, the last one holds.
    fileprivate mutating func put(_ element: Element, where fits: (Element) -> Bool) {
        if let index = lastIndex(where: fits) { self[index] = element } else { append(element) }
    }
}
