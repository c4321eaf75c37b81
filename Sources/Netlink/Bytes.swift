/// Numbers in the machine's order, as the kernel lays them out.
extension Array where Element == UInt8 {
    mutating func appendNative<Value: FixedWidthInteger>(_ value: Value) {
        Swift.withUnsafeBytes(of: value) { append(contentsOf: $0) }
    }

    /// Up to the next multiple of four.
    mutating func align() { append(contentsOf: repeatElement(0, count: (4 - count % 4) % 4)) }
}

extension ArraySlice where Element == UInt8 {
    /// The number that stands `offset` bytes in; `nil` if it is not all there.
    func native<Value: FixedWidthInteger>(_ offset: Int, as _: Value.Type = Value.self) -> Value? {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, offset + size <= count else { return nil }
        var value = Value.zero
        for position in 0..<size {
            #if _endian(little)
                let place = position
            #else
                let place = size - 1 - position
            #endif
            value |= Value(truncatingIfNeeded: self[startIndex + offset + position]) << Value(place * 8)
        }
        return value
    }

    /// Text up to the first NUL.
    var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
