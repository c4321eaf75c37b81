import Diagnosis

extension Resources.BlockIO {
    func validate(at pointer: Pointer) throws(Failure) {
        try Self.validate(weight, at: { pointer.key("weight") })
        try Self.validate(leafWeight, at: { pointer.key("leafWeight") })
        for (index, device) in weightDevice.enumerated() {
            let here = { pointer.key("weightDevice").index(index) }
            try Self.validate(device.major, device.minor, at: here)
            if device.weight == nil, device.leafWeight == nil {
                throw Failure(at: here(), "needs weight or leafWeight, or both")
            }
            try Self.validate(device.weight, at: { here().key("weight") })
            try Self.validate(device.leafWeight, at: { here().key("leafWeight") })
        }
        try Self.validate(throttleReadBpsDevice, at: { pointer.key("throttleReadBpsDevice") })
        try Self.validate(throttleWriteBpsDevice, at: { pointer.key("throttleWriteBpsDevice") })
        try Self.validate(throttleReadIOPSDevice, at: { pointer.key("throttleReadIOPSDevice") })
        try Self.validate(throttleWriteIOPSDevice, at: { pointer.key("throttleWriteIOPSDevice") })
    }

    private static func validate(
        _ devices: [Resources.ThrottleDevice], at pointer: () -> Pointer
    ) throws(Failure) {
        for (index, device) in devices.enumerated() {
            try validate(device.major, device.minor, at: { pointer().index(index) })
        }
    }

    /// 0 is what engines write for a weight that was not asked for.
    private static func validate(_ weight: UInt16?, at pointer: () -> Pointer) throws(Failure) {
        guard let weight, weight != 0, !(10...1000).contains(weight) else { return }
        throw Failure(at: pointer(), "\(weight) is out of range: 10 to 1000 is allowed")
    }

    private static func validate(_ major: Int64, _ minor: Int64, at pointer: () -> Pointer) throws(Failure) {
        for (name, number) in [("major", major), ("minor", minor)]
        where number < 0 || number > Int64(UInt32.max) {
            throw Failure(
                at: pointer().key(name), "\(number) is out of range: 0 to \(UInt32.max) is allowed")
        }
    }
}
