import Diagnosis
import OCISpec

// blkio.weight, blkio.leaf_weight and their _device forms, blkio.bfq.weight, blkio.throttle.*
// (cgroup-v1/blkio-controller.rst, bfq-iosched.rst).

extension Resources.BlockIO {
    /// For cgroup v1.
    func legacySettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        if let weight, weight != 0 {
            settings.append(try Self.legacyWeight(weight, device: nil, at: pointer.key("weight")))
        }
        if let leafWeight, leafWeight != 0 {
            settings.append(Self.leafWeight(leafWeight, device: nil, at: pointer.key("leafWeight")))
        }
        for (position, entry) in weightDevice.enumerated() {
            let pointer = pointer.key("weightDevice").index(position)
            let device = try DeviceNumber.text(entry.major, entry.minor, at: pointer)
            if let weight = entry.weight, weight != 0 {
                settings.append(try Self.legacyWeight(weight, device: device, at: pointer.key("weight")))
            }
            if let leafWeight = entry.leafWeight, leafWeight != 0 {
                settings.append(Self.leafWeight(leafWeight, device: device, at: pointer.key("leafWeight")))
            }
        }
        let throttles = [
            (throttleReadBpsDevice, "read_bps", "throttleReadBpsDevice"),
            (throttleWriteBpsDevice, "write_bps", "throttleWriteBpsDevice"),
            (throttleReadIOPSDevice, "read_iops", "throttleReadIOPSDevice"),
            (throttleWriteIOPSDevice, "write_iops", "throttleWriteIOPSDevice"),
        ]
        for (entries, kind, field) in throttles {
            for (position, entry) in entries.enumerated() {
                let pointer = pointer.key(field).index(position)
                let device = try DeviceNumber.text(entry.major, entry.minor, at: pointer)
                var setting = Setting(
                    controller: .io, file: "blkio.throttle.\(kind)_device", value: "\(device) \(entry.rate)",
                    origin: pointer)
                setting.whenMissing = "the kernel cannot throttle (CONFIG_BLK_DEV_THROTTLING)"
                settings.append(setting)
            }
        }
        return settings
    }

    /// The files of the CFQ scheduler, which is gone since Linux 5.0, or those of BFQ.
    private static func legacyWeight(
        _ weight: UInt16, device: String?, at pointer: Pointer
    ) throws(Failure) -> Setting {
        guard weight <= 1000 else {
            throw Failure(at: pointer, "\(weight) is not a weight of 10 to 1000")
        }
        let suffix = device == nil ? "" : "_device"
        let value = (device.map { "\($0) " } ?? "") + String(weight)
        var setting = Setting(
            controller: .io, file: "blkio.weight\(suffix)", value: value, origin: pointer)
        setting.refusal = .elsewhere(file: "blkio.bfq.weight\(suffix)", value: value)
        setting.whenMissing = "the kernel has no I/O scheduler with weights (CONFIG_BFQ_GROUP_IOSCHED)"
        return setting
    }

    private static func leafWeight(_ weight: UInt16, device: String?, at pointer: Pointer) -> Setting {
        var setting = Setting(
            controller: .io, file: device == nil ? "blkio.leaf_weight" : "blkio.leaf_weight_device",
            value: (device.map { "\($0) " } ?? "") + String(weight), origin: pointer)
        setting.whenMissing = "leaf weights are gone since Linux 5.0"
        return setting
    }
}
