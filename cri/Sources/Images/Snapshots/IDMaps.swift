/// A range of IDs of a user namespace (user_namespaces(7), uid_map).
public struct IDRange: Sendable, Equatable {
    /// The first one inside.
    public var containerID: UInt32
    /// What that is on the host.
    public var hostID: UInt32
    public var count: UInt32

    public init(containerID: UInt32, hostID: UInt32, count: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.count = count
    }
}

/// The IDs of a container with a user namespace.
public struct IDMaps: Sendable, Equatable {
    public var uids: [IDRange]
    public var gids: [IDRange]

    public init(uids: [IDRange], gids: [IDRange]) {
        self.uids = uids
        self.gids = gids
    }

    func hostUID(_ uid: UInt32) throws(ImageError) -> UInt32 { try Self.host(uid, uids, "uids") }

    func hostGID(_ gid: UInt32) throws(ImageError) -> UInt32 { try Self.host(gid, gids, "gids") }

    private static func host(
        _ id: UInt32, _ ranges: [IDRange], _ field: String
    ) throws(ImageError) -> UInt32 {
        for range in ranges where id >= range.containerID && id - range.containerID < range.count {
            let (host, overflow) = range.hostID.addingReportingOverflow(id - range.containerID)
            if !overflow { return host }
        }
        throw ImageError(
            .invalid, doing: "map the owner of the root directory", "\(field) have nothing for \(id)",
            remedy: "map it, as the container's root directory is its own")
    }
}
