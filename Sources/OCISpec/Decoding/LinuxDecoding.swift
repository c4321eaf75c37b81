import Diagnosis

extension Linux {
    init(from reader: inout JSONReader) throws(Failure) {
        var linux = Linux()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "namespaces":
                try reader.beginArray()
                while try reader.nextElement() {
                    linux.namespaces.append(try Namespace(from: &reader))
                }
            case "uidMappings": linux.uidMappings = try reader.idMappings()
            case "gidMappings": linux.gidMappings = try reader.idMappings()
            case "timeOffsets":
                try reader.beginMap()
                while let clock = try reader.nextKey() {
                    linux.timeOffsets.append(try TimeOffset(clock: clock, from: &reader))
                }
            case "devices":
                try reader.beginArray()
                while try reader.nextElement() { linux.devices.append(try Device(from: &reader)) }
            case "netDevices":
                try reader.beginMap()
                while let name = try reader.nextKey() {
                    linux.netDevices.append(try NetDevice(hostName: name, from: &reader))
                }
            case "cgroupsPath": linux.cgroupsPath = try reader.nonEmptyString()
            case "resources": linux.resources = try Resources(from: &reader)
            case "rootfsPropagation": linux.rootfsPropagation = try reader.optionalChoice()
            case "seccomp": linux.seccomp = try SeccompProfile.decode(from: &reader)
            case "sysctl":
                try reader.beginMap()
                while let name = try reader.nextKey() {
                    linux.sysctl.append(
                        Sysctl(name: name, value: try reader.null() ? "" : try reader.string()))
                }
            case "maskedPaths": linux.maskedPaths = try reader.strings()
            case "readonlyPaths": linux.readonlyPaths = try reader.strings()
            case "mountLabel": linux.mountLabel = try reader.nonEmptyString()
            case "personality": linux.personality = try Personality(from: &reader)
            case "memoryPolicy": linux.memoryPolicy = try MemoryPolicy(from: &reader)
            case "intelRdt": linux.intelRdt = try IntelRdt(from: &reader)
            default: break
            }
        }
        self = linux
    }
}

extension Namespace {
    init(from reader: inout JSONReader) throws(Failure) {
        var type: Kind?
        var path: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "type": type = try reader.choice()
            case "path": path = try reader.nonEmptyString()
            default: break
            }
        }
        guard let type else { throw reader.missing("type") }
        self.init(type: type, path: path)
    }
}

extension TimeOffset {
    init(clock name: String, from reader: inout JSONReader) throws(Failure) {
        guard let clock = Clock(rawValue: name) else {
            throw reader.unknown(name, among: Clock.allCases.map(\.rawValue))
        }
        var offset = TimeOffset(clock: clock)
        if try !reader.null() {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "secs": offset.secs = try reader.int64()
                case "nanosecs": offset.nanosecs = try reader.uint32()
                default: break
                }
            }
        }
        self = offset
    }
}

extension Device {
    init(from reader: inout JSONReader) throws(Failure) {
        var device = Device(type: .c, path: "")
        var type: Kind?
        var path: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "type": type = try reader.choice()
            case "path": path = try reader.string()
            case "major": device.major = try reader.uint32()
            case "minor": device.minor = try reader.uint32()
            case "fileMode": device.fileMode = try reader.uint32()
            case "uid": device.uid = try reader.uint32()
            case "gid": device.gid = try reader.uint32()
            default: break
            }
        }
        guard let type else { throw reader.missing("type") }
        guard let path else { throw reader.missing("path") }
        device.type = type
        device.path = path
        self = device
    }
}

extension NetDevice {
    init(hostName: String, from reader: inout JSONReader) throws(Failure) {
        var device = NetDevice(hostName: hostName)
        if try !reader.null() {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                if key == "name" { device.name = try reader.nonEmptyString() }
            }
        }
        self = device
    }
}

extension Personality {
    init(from reader: inout JSONReader) throws(Failure) {
        var domain: Domain?
        var flags: [String] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "domain": domain = try reader.choice()
            case "flags": flags = try reader.strings()
            default: break
            }
        }
        guard let domain else { throw reader.missing("domain") }
        self.init(domain: domain)
        self.flags = flags
    }
}

extension MemoryPolicy {
    init(from reader: inout JSONReader) throws(Failure) {
        var policy = MemoryPolicy(mode: .MPOL_DEFAULT)
        var mode: Mode?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "mode": mode = try reader.choice()
            case "nodes": policy.nodes = try reader.nonEmptyString()
            case "flags": policy.flags = try reader.choices()
            default: break
            }
        }
        guard let mode else { throw reader.missing("mode") }
        policy.mode = mode
        self = policy
    }
}

extension IntelRdt {
    init(from reader: inout JSONReader) throws(Failure) {
        var rdt = IntelRdt()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "closID": rdt.closID = try reader.nonEmptyString()
            case "schemata": rdt.schemata = try reader.strings()
            case "l3CacheSchema": rdt.l3CacheSchema = try reader.nonEmptyString()
            case "memBwSchema": rdt.memBwSchema = try reader.nonEmptyString()
            case "enableMonitoring": rdt.enableMonitoring = try reader.bool()
            default: break
            }
        }
        self = rdt
    }
}
