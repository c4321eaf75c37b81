/// The bytes of a hexadecimal text.
func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Messages as Google's library writes them, from the description that comes with CRIU 3.17.1.
enum Golden {
    /// A dump with every option that this package knows, whether it makes sense in a dump or not.
    static let dump = bytes(
        """
        0801128002080510e7241801200128013001380140014804520864756d702e6c6f675a090a033a3a3110f8d20160016a
        092f622f726f6f74667372042e2e2f707801800101880106900101ba010e0a052f6461746112052f64617461ba010f0a
        022f6b12092f6465762f6e756c6cca01070a0012032f6331ca01120a0b6370752c6370756163637412032f6332d00101
        da010c0a08706970653a5b315d1004900205aa02136e65745b315d3a657874526f6f744e65744e53b0028080808004ba
        02090a0369706312022f6ee202112f7379732f66732f6367726f75702f6331f002018003019003019a03072f632e636f
        6e66aa030a61707061726d6f723a78fa0303637478
        """)
    static let negative = bytes("0802121008ffffffffffffffffff01480452016c")
    static let featureCheck = bytes("08092a0408011001")
    static let goOn = bytes("08061801")
    static let giveUp = bytes("08061800")
    static let version = bytes("080a")

    static let versionAnswer = bytes("080a1001520f080310111a0776332e31372e312001")
    static let notification = bytes("080610012a110a0c706f73742d726573746f7265109902")
    static let failure = bytes("0801100038164a0b7768617420697420776173")
    static let negativeError = bytes("0801100038ccffffffffffffffff01")
    static let features = bytes("08091001420408011000")
    static let restored = bytes("080210012202084d")
}
