/// Puts a message together.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { bytes.append(value) }
    mutating func flag(_ value: Bool) { bytes.append(value ? 1 : 0) }

    mutating func word(_ value: UInt32) {
        for shift in stride(from: 0 as UInt32, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func signed(_ value: Int32) { word(UInt32(bitPattern: value)) }

    mutating func long(_ value: Int64) {
        word(UInt32(truncatingIfNeeded: value))
        word(UInt32(truncatingIfNeeded: value >> 32))
    }

    mutating func data(_ value: [UInt8]) {
        word(UInt32(clamping: value.count))
        bytes += value
    }

    mutating func text(_ value: String) {
        word(UInt32(clamping: value.utf8.count))
        bytes += value.utf8
    }

    mutating func optional(_ value: String?) {
        flag(value != nil)
        if let value { text(value) }
    }

    mutating func texts(_ values: [String]) {
        word(UInt32(clamping: values.count))
        for value in values { text(value) }
    }

    mutating func optional<Value: WireValue>(_ value: Value?) {
        flag(value != nil)
        value?.write(to: &self)
    }

    mutating func list<Value: WireValue>(_ values: [Value]) {
        word(UInt32(clamping: values.count))
        for value in values { value.write(to: &self) }
    }
}
