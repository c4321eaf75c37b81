extension Resources {
    /// The `resources` object of config.json, on one line; what is not set is left out.
    public var json: [UInt8] {
        var writer = JSONWriter()
        encode(to: &writer)
        return writer.bytes
    }

    /// Writes the `resources` object; what is not set is left out.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.list("devices", devices) { $0.encode(to: &$1) }
            if let memory { writer.object("memory") { memory.encode(to: &$0) } }
            if let cpu { writer.object("cpu") { cpu.encode(to: &$0) } }
            if let limit = pids?.limit { writer.object("pids") { $0.member("limit", Int(limit)) } }
            if let blockIO { writer.object("blockIO") { blockIO.encode(to: &$0) } }
            writer.list("hugepageLimits", hugepageLimits) { limit, writer in
                writer.object { writer in
                    writer.member("pageSize", limit.pageSize)
                    writer.member("limit", limit.limit)
                }
            }
            if let network { writer.object("network") { network.encode(to: &$0) } }
            if !rdma.isEmpty {
                writer.object("rdma") { writer in
                    for entry in rdma {
                        writer.object(entry.device) { writer in
                            writer.member("hcaHandles", entry.hcaHandles.map(UInt64.init))
                            writer.member("hcaObjects", entry.hcaObjects.map(UInt64.init))
                        }
                    }
                }
            }
            if !unified.isEmpty {
                writer.object("unified") { writer in
                    for entry in unified { writer.member(entry.file, entry.value) }
                }
            }
        }
    }
}

extension Resources.DeviceRule {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("allow", allow)
            if let type { writer.member("type", type.rawValue) }
            writer.member("major", major)
            writer.member("minor", minor)
            if let access { writer.member("access", access) }
        }
    }
}

extension Resources.Memory {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.member("limit", limit)
        writer.member("reservation", reservation)
        writer.member("swap", swap)
        writer.member("kernel", kernel)
        writer.member("kernelTCP", kernelTCP)
        writer.member("swappiness", swappiness)
        if let disableOOMKiller { writer.member("disableOOMKiller", disableOOMKiller) }
        if let useHierarchy { writer.member("useHierarchy", useHierarchy) }
        if let checkBeforeUpdate { writer.member("checkBeforeUpdate", checkBeforeUpdate) }
    }
}

extension Resources.CPU {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.member("shares", shares)
        writer.member("quota", quota)
        writer.member("burst", burst)
        writer.member("period", period)
        writer.member("realtimeRuntime", realtimeRuntime)
        writer.member("realtimePeriod", realtimePeriod)
        if let cpus { writer.member("cpus", cpus) }
        if let mems { writer.member("mems", mems) }
        writer.member("idle", idle)
    }
}

extension Resources.BlockIO {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.member("weight", weight.map(UInt64.init))
        writer.member("leafWeight", leafWeight.map(UInt64.init))
        writer.list("weightDevice", weightDevice) { device, writer in
            writer.object { writer in
                writer.member("major", device.major)
                writer.member("minor", device.minor)
                writer.member("weight", device.weight.map(UInt64.init))
                writer.member("leafWeight", device.leafWeight.map(UInt64.init))
            }
        }
        for (name, devices) in [
            ("throttleReadBpsDevice", throttleReadBpsDevice),
            ("throttleWriteBpsDevice", throttleWriteBpsDevice),
            ("throttleReadIOPSDevice", throttleReadIOPSDevice),
            ("throttleWriteIOPSDevice", throttleWriteIOPSDevice),
        ] {
            writer.list(name, devices) { device, writer in
                writer.object { writer in
                    writer.member("major", device.major)
                    writer.member("minor", device.minor)
                    writer.member("rate", device.rate)
                }
            }
        }
    }
}

extension Resources.Network {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.member("classID", classID.map(UInt64.init))
        writer.list("priorities", priorities) { priority, writer in
            writer.object { writer in
                writer.member("name", priority.name)
                writer.member("priority", UInt64(priority.priority))
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func object(_ name: String, _ members: (inout JSONWriter) -> Void) {
        key(name)
        object(members)
    }

    /// An array, unless it is empty.
    fileprivate mutating func list<Element>(
        _ name: String, _ elements: [Element], _ encode: (Element, inout JSONWriter) -> Void
    ) {
        if elements.isEmpty { return }
        key(name)
        array { writer in
            for element in elements { encode(element, &writer) }
        }
    }

    /// A number, if there is one.
    fileprivate mutating func member(_ name: String, _ value: Int64?) {
        guard let value else { return }
        key(name)
        integer(value)
    }

    fileprivate mutating func member(_ name: String, _ value: UInt64?) {
        guard let value else { return }
        key(name)
        unsigned(value)
    }
}
