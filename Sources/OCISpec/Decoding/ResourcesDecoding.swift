import Diagnosis

extension Resources {
    /// Decodes a document that is a `resources` object, as `update --resources` takes it.
    public static func decode(_ bytes: [UInt8]) throws(Failure) -> Resources {
        var reader = try JSONReader(bytes, limit: Config.maximumSize)
        let resources = try Resources(from: &reader)
        try reader.finish()
        return resources
    }

    /// Decodes the value at which `reader` stands.
    public init(from reader: inout JSONReader) throws(Failure) {
        var resources = Resources()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "devices":
                try reader.beginArray()
                while try reader.nextElement() {
                    resources.devices.append(try DeviceRule(from: &reader))
                }
            case "memory": resources.memory = try Memory(from: &reader)
            case "cpu": resources.cpu = try CPU(from: &reader)
            case "pids": resources.pids = try Pids(from: &reader)
            case "blockIO": resources.blockIO = try BlockIO(from: &reader)
            case "hugepageLimits":
                try reader.beginArray()
                while try reader.nextElement() {
                    resources.hugepageLimits.append(try HugepageLimit(from: &reader))
                }
            case "network": resources.network = try Network(from: &reader)
            case "rdma":
                try reader.beginMap()
                while let device = try reader.nextKey() {
                    resources.rdma.append(try RDMA(device: device, from: &reader))
                }
            case "unified":
                try reader.beginMap()
                while let file = try reader.nextKey() {
                    resources.unified.append(
                        Unified(file: file, value: try reader.null() ? "" : try reader.string()))
                }
            default: break
            }
        }
        self = resources
    }
}

extension Resources.DeviceRule {
    init(from reader: inout JSONReader) throws(Failure) {
        var rule = Resources.DeviceRule(allow: false)
        var allow: Bool?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "allow": allow = try reader.bool()
            case "type": rule.type = try reader.optionalChoice()
            case "major": rule.major = try reader.int64()
            case "minor": rule.minor = try reader.int64()
            case "access": rule.access = try reader.nonEmptyString()
            default: break
            }
        }
        guard let allow else { throw reader.missing("allow") }
        rule.allow = allow
        self = rule
    }
}

extension Resources.Memory {
    init(from reader: inout JSONReader) throws(Failure) {
        var memory = Resources.Memory()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "limit": memory.limit = try reader.int64()
            case "reservation": memory.reservation = try reader.int64()
            case "swap": memory.swap = try reader.int64()
            case "kernel": memory.kernel = try reader.int64()
            case "kernelTCP": memory.kernelTCP = try reader.int64()
            case "swappiness": memory.swappiness = try reader.uint64()
            case "disableOOMKiller": memory.disableOOMKiller = try reader.bool()
            case "useHierarchy": memory.useHierarchy = try reader.bool()
            case "checkBeforeUpdate": memory.checkBeforeUpdate = try reader.bool()
            default: break
            }
        }
        self = memory
    }
}

extension Resources.CPU {
    init(from reader: inout JSONReader) throws(Failure) {
        var cpu = Resources.CPU()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "shares": cpu.shares = try reader.uint64()
            case "quota": cpu.quota = try reader.int64()
            case "burst": cpu.burst = try reader.uint64()
            case "period": cpu.period = try reader.uint64()
            case "realtimeRuntime": cpu.realtimeRuntime = try reader.int64()
            case "realtimePeriod": cpu.realtimePeriod = try reader.uint64()
            case "cpus": cpu.cpus = try reader.nonEmptyString()
            case "mems": cpu.mems = try reader.nonEmptyString()
            case "idle": cpu.idle = try reader.int64()
            default: break
            }
        }
        self = cpu
    }
}

extension Resources.Pids {
    init(from reader: inout JSONReader) throws(Failure) {
        var pids = Resources.Pids()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key == "limit" { pids.limit = try reader.int64() }
        }
        self = pids
    }
}

extension Resources.HugepageLimit {
    init(from reader: inout JSONReader) throws(Failure) {
        var pageSize: String?
        var limit: UInt64?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "pageSize": pageSize = try reader.string()
            case "limit": limit = try reader.uint64()
            default: break
            }
        }
        guard let pageSize else { throw reader.missing("pageSize") }
        guard let limit else { throw reader.missing("limit") }
        self.init(pageSize: pageSize, limit: limit)
    }
}

extension Resources.Network {
    init(from reader: inout JSONReader) throws(Failure) {
        var network = Resources.Network()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "classID": network.classID = try reader.uint32()
            case "priorities":
                try reader.beginArray()
                while try reader.nextElement() {
                    network.priorities.append(try Resources.InterfacePriority(from: &reader))
                }
            default: break
            }
        }
        self = network
    }
}

extension Resources.InterfacePriority {
    init(from reader: inout JSONReader) throws(Failure) {
        var name: String?
        var priority: UInt32?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "name": name = try reader.string()
            case "priority": priority = try reader.uint32()
            default: break
            }
        }
        guard let name else { throw reader.missing("name") }
        guard let priority else { throw reader.missing("priority") }
        self.init(name: name, priority: priority)
    }
}

extension Resources.RDMA {
    init(device: String, from reader: inout JSONReader) throws(Failure) {
        var rdma = Resources.RDMA(device: device)
        if try !reader.null() {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "hcaHandles": rdma.hcaHandles = try reader.uint32()
                case "hcaObjects": rdma.hcaObjects = try reader.uint32()
                default: break
                }
            }
        }
        self = rdma
    }
}
