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

    var bytes: [UInt8] { kind.nativeBytes + UInt32(truncatingIfNeeded: value).nativeBytes }
}
