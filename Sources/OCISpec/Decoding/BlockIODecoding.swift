import Diagnosis

extension Resources.BlockIO {
    init(from reader: inout JSONReader) throws(Failure) {
        var block = Resources.BlockIO()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "weight": block.weight = try reader.uint16()
            case "leafWeight": block.leafWeight = try reader.uint16()
            case "weightDevice":
                try reader.beginArray()
                while try reader.nextElement() {
                    block.weightDevice.append(try Resources.WeightDevice(from: &reader))
                }
            case "throttleReadBpsDevice": block.throttleReadBpsDevice = try reader.throttleDevices()
            case "throttleWriteBpsDevice": block.throttleWriteBpsDevice = try reader.throttleDevices()
            case "throttleReadIOPSDevice": block.throttleReadIOPSDevice = try reader.throttleDevices()
            case "throttleWriteIOPSDevice": block.throttleWriteIOPSDevice = try reader.throttleDevices()
            default: break
            }
        }
        self = block
    }
}

extension Resources.WeightDevice {
    init(from reader: inout JSONReader) throws(Failure) {
        var major: Int64?
        var minor: Int64?
        var weight: UInt16?
        var leafWeight: UInt16?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "major": major = try reader.int64()
            case "minor": minor = try reader.int64()
            case "weight": weight = try reader.uint16()
            case "leafWeight": leafWeight = try reader.uint16()
            default: break
            }
        }
        guard let major else { throw reader.missing("major") }
        guard let minor else { throw reader.missing("minor") }
        self.init(major: major, minor: minor)
        self.weight = weight
        self.leafWeight = leafWeight
    }
}

extension Resources.ThrottleDevice {
    init(from reader: inout JSONReader) throws(Failure) {
        var major: Int64?
        var minor: Int64?
        var rate: UInt64?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "major": major = try reader.int64()
            case "minor": minor = try reader.int64()
            case "rate": rate = try reader.uint64()
            default: break
            }
        }
        guard let major else { throw reader.missing("major") }
        guard let minor else { throw reader.missing("minor") }
        guard let rate else { throw reader.missing("rate") }
        self.init(major: major, minor: minor, rate: rate)
    }
}

extension JSONReader {
    fileprivate mutating func throttleDevices() throws(Failure) -> [Resources.ThrottleDevice] {
        var devices: [Resources.ThrottleDevice] = []
        try beginArray()
        while try nextElement() { devices.append(try Resources.ThrottleDevice(from: &self)) }
        return devices
    }
}
