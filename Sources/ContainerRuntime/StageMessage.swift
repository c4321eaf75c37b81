/// plan_message.
struct StageMessage {
    var kind: UInt32
    var value: Int32

    init(kind: UInt32, value: Int32) {
        self.kind = kind
        self.value = value
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count == 8 else { return nil }
        kind = UInt32(native: bytes[0..<4])
        value = Int32(truncatingIfNeeded: UInt32(native: bytes[4..<8]))
    }

    var bytes: [UInt8] { Self.bytes(kind) + Self.bytes(UInt32(truncatingIfNeeded: value)) }

    private static func bytes(_ word: UInt32) -> [UInt8] {
        let little = (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
        #if _endian(little)
            return little
        #else
            return little.reversed()
        #endif
    }
}
