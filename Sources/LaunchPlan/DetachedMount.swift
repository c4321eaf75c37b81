import CStage
import Diagnosis
import OCISpec

/// A mount that the runtime makes, on the host and attached nowhere, for the stage to attach.
///
/// Only the host's root may map the IDs of a mount of the host's, and a root in a user namespace is not that; nor may it
/// search directories that are the host's root's alone. And where the stage has left the host's tree already, the host's
/// paths are out of its reach; or they lead to slaves of the host's mounts, and not to peers.
public struct DetachedMount: Equatable, Sendable {
    public enum Source: Equatable, Sendable {
        case path(String, isRecursive: Bool, followsLink: Bool)
        /// The options are `key=value` and bare keys.
        case fileSystem(String, source: String, options: [String])
    }

    public var source: Source
    public var idMap: MountIDMap?
    /// Whether the mapping is given to the mounts below as well.
    public var mapsAll = false
    /// MS_SLAVE or MS_PRIVATE: as a peer of the host's it would show there what is mounted below it; 0 where it shall.
    public var propagation: UInt64
    /// The mount's.
    public var pointer: Pointer
    /// Where the mapping comes from.
    public var idMapField: Pointer
}

extension Compiler {
    /// A slot for a mount that the runtime makes.
    mutating func detached(
        _ source: DetachedMount.Source, of mount: Mount, _ options: MountOptions, _ pointer: Pointer
    ) throws(Failure) -> Int32 {
        let asked = config.linux?.rootfsPropagation
        let cut = asked == .private || asked == .rprivate ? MS.PRIVATE : MS.SLAVE
        let detached = DetachedMount(
            source: source, idMap: try idMap(of: mount, options, pointer),
            mapsAll: options.idMap?.isRecursive == true,
            propagation: staysPeer(options) ? 0 : cut,
            pointer: pointer, idMapField: Self.idMapField(of: mount, pointer))
        let slot = builder.slot(.mount(detached))
        guard slot < PLAN_SLOTS else {
            throw Failure(
                at: pointer,
                "too many mounts that are ID-mapped, shared ones of a shared root, or closed to the user namespace: "
                    + "a launch takes some \(PLAN_SLOTS - 24)"
            )
        }
        return slot
    }

    /// A new file system with mapped IDs.
    mutating func mountMapped(
        _ type: String, _ mount: Mount, _ options: MountOptions, label: [String], flags: UInt32,
        _ destination: String, _ pointer: Pointer
    ) throws(Failure) {
        let words: [(UInt64, String)] = [
            (MS.RDONLY, "ro"), (MS.SYNCHRONOUS, "sync"), (MS.MANDLOCK, "mand"), (MS.DIRSYNC, "dirsync"),
            (MS.LAZYTIME, "lazytime"),
        ]
        if options.superFlags & MS.legacyOnly != 0 {
            throw Failure(
                at: pointer.key("options"),
                "silent, acl and iversion take mount(2), which cannot map IDs", remedy: "remove them")
        }
        let data = words.filter { options.superFlags & $0.0 != 0 }.map(\.1)
        let source = DetachedMount.Source.fileSystem(
            type, source: mount.source ?? type,
            options: data + options.data.flatMap(MountOptions.split) + label)
        attach(
            try detached(source, of: mount, options, pointer), options, flags: flags, destination, pointer,
            "mount \(type) with mapped IDs on \(destination)")
    }

    mutating func attach(
        _ slot: Int32, _ options: MountOptions, flags: UInt32, _ destination: String, _ pointer: Pointer,
        _ doing: String
    ) {
        builder.step(
            Operation(
                PLAN_MOUNT_BIND, flags: flags, slots: (slot, -1),
                strings: (builder.string(destination), 0, 0, 0),
                numbers: (
                    options.attributes.packed, options.recursiveAttributes.packed,
                    options.propagation.first ?? 0, 0
                )),
            .config(pointer), doing)
    }
}
