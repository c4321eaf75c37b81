import Diagnosis

extension Mount {
    /// Decodes and checks a JSON array of mounts. Errors point into it, as a document of its own.
    public static func decodeList(
        _ bytes: [UInt8], hasUserNamespace: Bool
    ) throws(Failure) -> [Mount] {
        let mounts = try decode(bytes)
        for (position, mount) in mounts.enumerated() {
            try mount.validate(
                at: { Pointer("").index(position) }, hasUserNamespace: hasUserNamespace)
        }
        return mounts
    }

    /// The destinations alone; what else the mounts say has no meaning.
    public static func decodeTargets(_ bytes: [UInt8]) throws(Failure) -> [String] {
        var targets: [String] = []
        for (position, mount) in try decode(bytes).enumerated() {
            let pointer = Pointer("").index(position).key("destination")
            if mount.destination.isEmpty { throw Failure(at: pointer, "must not be empty") }
            if mount.target == "/" { throw Failure(at: pointer, "the root cannot be unmounted") }
            targets.append(mount.target)
        }
        return targets
    }

    private static func decode(_ bytes: [UInt8]) throws(Failure) -> [Mount] {
        var reader = try JSONReader(bytes, limit: Config.maximumSize)
        var mounts: [Mount] = []
        try reader.beginArray()
        while try reader.nextElement() { mounts.append(try Mount(from: &reader)) }
        try reader.finish()
        return mounts
    }
}
