extension FixedWidthInteger {
    /// Of as many bytes as it has, in the machine's own order, as the stage writes them.
    init(native bytes: ArraySlice<UInt8>) {
        #if _endian(little)
            self = bytes.reversed().reduce(0) { $0 << 8 | Self($1) }
        #else
            self = bytes.reduce(0) { $0 << 8 | Self($1) }
        #endif
    }

    /// The bytes that make it again by ``init(native:)``.
    var nativeBytes: [UInt8] {
        let little = (0..<bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
        #if _endian(little)
            return little
        #else
            return little.reversed()
        #endif
    }
}
