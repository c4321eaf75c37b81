import Diagnosis
import OCISpec

// io.weight, io.bfq.weight, io.max (cgroup-v2.rst, "IO"; bfq-iosched.rst, section 4).

extension Resources.BlockIO {
    func settings(at pointer: Pointer) throws(Failure) -> [Setting] {
        if let leafWeight, leafWeight != 0 {
            throw Failure.legacyOnly(pointer.key("leafWeight"), value: "a leaf weight (\(leafWeight))")
        }
        var settings: [Setting] = []
        if let weight, weight != 0 {
            settings.append(try Self.setting(weight, device: nil, at: pointer.key("weight")))
        }
        for (position, entry) in weightDevice.enumerated() {
            let pointer = pointer.key("weightDevice").index(position)
            let device = try DeviceNumber.text(entry.major, entry.minor, at: pointer)
            if let leafWeight = entry.leafWeight, leafWeight != 0 {
                throw Failure.legacyOnly(pointer.key("leafWeight"), value: "a leaf weight (\(leafWeight))")
            }
            if let weight = entry.weight, weight != 0 {
                settings.append(try Self.setting(weight, device: device, at: pointer.key("weight")))
            }
        }
        let throttles = [
            (throttleReadBpsDevice, "rbps", "throttleReadBpsDevice"),
            (throttleWriteBpsDevice, "wbps", "throttleWriteBpsDevice"),
            (throttleReadIOPSDevice, "riops", "throttleReadIOPSDevice"),
            (throttleWriteIOPSDevice, "wiops", "throttleWriteIOPSDevice"),
        ]
        for (entries, key, field) in throttles {
            for (position, entry) in entries.enumerated() {
                let pointer = pointer.key(field).index(position)
                let device = try DeviceNumber.text(entry.major, entry.minor, at: pointer)
                // Zero lifts the limit in cgroup v1; v2 refuses it and has a word for that.
                let rate = entry.rate == 0 ? "max" : String(entry.rate)
                settings.append(
                    Setting(
                        controller: .io, file: "io.max", value: "\(device) \(key)=\(rate)", origin: pointer))
            }
        }
        return settings
    }

    private static func setting(
        _ weight: UInt16, device: String?, at pointer: Pointer
    ) throws(Failure) -> Setting {
        guard weight <= 1000 else {
            throw Failure(at: pointer, "\(weight) is not a weight of 10 to 1000")
        }
        let prefix = device.map { "\($0) " } ?? ""
        var setting = Setting(
            controller: .io, file: "io.bfq.weight", value: prefix + String(weight), origin: pointer)
        // BFQ has the range of v1's weights; the cost model's is wider.
        setting.refusal = .elsewhere(file: "io.weight", value: prefix + String(costWeight(weight)))
        setting.whenMissing =
            "the kernel has neither the BFQ scheduler nor the I/O cost model (CONFIG_BLK_CGROUP_IOCOST)"
        return setting
    }

    /// cgroup v1's weight (10 to 1000) as `io.weight` (1 to 10000). BFQ's 1 to 9 become the least.
    static func costWeight(_ weight: UInt16) -> UInt64 {
        weight <= 10 ? 1 : 1 + (UInt64(weight) - 10) * 9999 / 990
    }
}

/// A device's number as the kernel's files write it.
enum DeviceNumber {
    static func text(_ major: Int64, _ minor: Int64, at pointer: Pointer) throws(Failure) -> String {
        for (number, name) in [(major, "major"), (minor, "minor")] where UInt32(exactly: number) == nil {
            throw Failure(at: pointer.key(name), "\(number) is not a device number")
        }
        return "\(major):\(minor)"
    }
}
