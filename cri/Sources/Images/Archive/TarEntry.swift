import Kernel

/// One member of a tar archive, as its header has it.
struct TarEntry {
    enum Kind: Equatable {
        case directory
        case file(size: Int64)
        case symbolicLink(target: [UInt8])
        case hardLink(target: [UInt8])
        case characterDevice(major: UInt32, minor: UInt32)
        case blockDevice(major: UInt32, minor: UInt32)
        case fifo
    }

    /// As it stands in the archive.
    var path: [UInt8]
    var kind: Kind
    var attributes: EntryAttributes
}

/// What an entry has beside its name and content.
struct EntryAttributes {
    /// Permission bits, set-ID and sticky bits (07777).
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    var modified: Timestamp
    /// Extended attributes.
    var extended: [(name: RawPath, value: [UInt8])]
}
