/// What a layer and all below it come to: limits are on the image, however it is cut into layers.
struct LayerTotals: Sendable, Equatable {
    /// Bytes of disk.
    var bytes: UInt64 = 0
    /// Entries of archives.
    var entries: UInt64 = 0
    /// Bytes of archives.
    var archiveBytes: UInt64 = 0
    /// Bytes of the archives as they were fetched.
    var blobBytes: UInt64 = 0

    init() {}

    init(of layers: [LayerRow]) {
        for layer in layers {
            bytes += UInt64(max(0, layer.size))
            entries += UInt64(max(0, layer.entries))
            archiveBytes += UInt64(max(0, layer.archiveBytes))
            blobBytes += UInt64(max(0, layer.blobBytes))
        }
    }
}
