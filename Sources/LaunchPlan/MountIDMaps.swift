import Diagnosis
import OCISpec

/// The ID mapping of a mount (config.md, "uidMappings" of mounts; crun(1), "idmap mount options").
public enum MountIDMap: Equatable, Sendable {
    /// `containerID` is the ID on the file system, `hostID` what it is in the mount, on the host.
    case mappings(uids: [IDMapping], gids: [IDMapping])
    /// That of the user namespace which this file stands for.
    case namespace(path: String)
}

extension MountOptions {
    /// The option `idmap` or `ridmap`.
    public struct IDMapOption: Equatable, Sendable {
        public var isRecursive: Bool
        /// What stands after `=`.
        public var mappings: String?
    }
}

extension Compiler {
    /// The mapping that a mount is to have, if any.
    ///
    /// - Parameter pointer: the mount's.
    func idMap(of mount: Mount, _ options: MountOptions, _ pointer: Pointer) throws(Failure) -> MountIDMap? {
        guard mount.isIDMapped else { return nil }
        let field = Self.idMapField(of: mount, pointer)
        guard facts.isPrivileged else {
            throw Failure(
                at: field, "only the host's root can map the IDs of a mount, and this is another user",
                remedy: "run as root, or remove the mapping")
        }
        if let uids = mount.uidMappings, let gids = mount.gidMappings {
            if let text = options.idMap?.mappings {
                throw Failure(
                    at: pointer.key("options"),
                    "\"\(text)\" is a second mapping, beside uidMappings and gidMappings")
            }
            return .mappings(uids: uids, gids: gids)
        }
        if let text = options.idMap?.mappings { return try crunMap(text, pointer.key("options")) }
        if let path = config.namespace(.user)?.path { return .namespace(path: path) }
        guard let uids = config.linux?.uidMappings, let gids = config.linux?.gidMappings, !uids.isEmpty,
            !gids.isEmpty
        else {
            throw Failure(
                at: field, "the container has no user namespace with uidMappings and gidMappings to take",
                remedy: "add uidMappings and gidMappings to the mount")
        }
        return .mappings(uids: uids, gids: gids)
    }

    /// Where the demand for a mapping stands.
    static func idMapField(of mount: Mount, _ pointer: Pointer) -> Pointer {
        pointer.key(mount.uidMappings == nil ? "options" : "uidMappings")
    }

    // MARK: crun's form

    /// `uids=0-1000-10#10-2000-1;gids=@0-0-10`: ID on the file system, ID in the mount, and how many; with `@` the
    /// second is the container's, not the host's.
    private func crunMap(_ text: String, _ pointer: Pointer) throws(Failure) -> MountIDMap {
        var uids: [IDMapping] = []
        var gids: [IDMapping] = []
        for part in text.split(separator: ";") {
            if part.hasPrefix("uids=") {
                uids += try triplets(part.dropFirst(5), config.linux?.uidMappings, pointer)
            } else if part.hasPrefix("gids=") {
                gids += try triplets(part.dropFirst(5), config.linux?.gidMappings, pointer)
            } else {
                throw Failure(at: pointer, "\"\(part)\" in idmap=\(text) is neither uids= nor gids=")
            }
        }
        for (name, mappings) in [("uids", uids), ("gids", gids)] where mappings.isEmpty {
            throw Failure(
                at: pointer, "idmap=\(text) maps no \(name)",
                remedy: "both are needed, as in idmap=uids=0-1000-1;gids=0-1000-1")
        }
        try validateMappings(uids) { pointer }
        try validateMappings(gids) { pointer }
        return .mappings(uids: uids, gids: gids)
    }

    private func triplets(
        _ text: Substring, _ container: [IDMapping]?, _ pointer: Pointer
    ) throws(Failure) -> [IDMapping] {
        var mappings: [IDMapping] = []
        for triplet in text.split(separator: "#") {
            let isRelative = triplet.hasPrefix("@")
            let numbers = triplet.dropFirst(isRelative ? 1 : 0)
                .split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
            guard numbers.count == 3, let inside = numbers[0], let outside = numbers[1], let size = numbers[2]
            else {
                throw Failure(
                    at: pointer, "\"\(triplet)\" is not a mapping such as 0-1000-10",
                    remedy: "give the ID on the file system, the ID it becomes, and how many")
            }
            var mapping = IDMapping(containerID: inside, hostID: outside, size: size)
            if isRelative { mapping.hostID = try Self.onHost(mapping, container ?? [], pointer) }
            mappings.append(mapping)
        }
        return mappings
    }

    /// The host's ID of the container's that the mapping leads to. All of them have to lie in one range.
    private static func onHost(
        _ mapping: IDMapping, _ container: [IDMapping], _ pointer: Pointer
    ) throws(Failure) -> UInt32 {
        for range in container where mapping.hostID >= range.containerID {
            let offset = UInt64(mapping.hostID - range.containerID)
            if offset + UInt64(mapping.size) <= UInt64(range.size) {
                let (host, overflows) = range.hostID.addingReportingOverflow(UInt32(offset))
                if !overflows { return host }
            }
        }
        throw Failure(
            at: pointer,
            "the \(mapping.size) IDs from @\(mapping.hostID) on do not lie in one range of the user namespace",
            remedy: "split the mapping, or map them in /linux/uidMappings and /linux/gidMappings")
    }
}
