import CKernel
import Diagnosis
import Glibc

/// Mounts that are attached nowhere, held by descriptors (open_tree(2), fsmount(2)).
public enum MountTree {
    /// A copy of the mount that holds a path of the host, from there on.
    ///
    /// - Parameters:
    ///   - recursive: with the mounts below.
    ///   - followsLink: whether a link at the end of the path is followed.
    public static func copy(
        _ path: String, recursive: Bool, followsLink: Bool = true
    ) throws(SystemError) -> FileDescriptor {
        var flags = UInt32(OPEN_TREE_CLONE) | UInt32(bitPattern: O_CLOEXEC)
        if recursive { flags |= atRecursive }
        if !followsLink { flags |= UInt32(bitPattern: AT_SYMLINK_NOFOLLOW) }
        return FileDescriptor(owning: try system("open_tree \(path)") { apus_open_tree(path, flags) })
    }

    /// A mount of a new file system.
    ///
    /// - Parameters:
    ///   - options: keys with their values, in the order in which the file system is to read them.
    ///   - complaint: what the kernel says of an option or of the file system that it refuses.
    public static func make(
        _ type: String, source: String, options: [(key: String, value: String?)], attributes: UInt32,
        complaint: inout String
    ) throws(SystemError) -> FileDescriptor {
        try make(
            type, source: source,
            parameters: options.map { ($0.key, $0.value.map { .text($0) } ?? .none) },
            attributes: attributes, complaint: &complaint)
    }

    /// The value of an option.
    public enum ParameterValue: Sendable {
        case none
        case text(String)
        /// Something open (FSCONFIG_SET_FD), such as a layer of an overlay (Linux 6.13).
        case descriptor(Int32)
    }

    /// As the other, with options that may have open files as values.
    public static func make(
        _ type: String, source: String, parameters: [(key: String, value: ParameterValue)],
        attributes: UInt32, complaint: inout String
    ) throws(SystemError) -> FileDescriptor {
        let context = FileDescriptor(
            owning: try system("fsopen \(type)") { apus_fsopen(type, UInt32(FSOPEN_CLOEXEC)) })
        let number = context.number
        do throws(SystemError) {
            for (key, value) in [("source", .text(source))] + parameters {
                switch value {
                case .none:
                    _ = try system("fsconfig \(key)") {
                        apus_fsconfig(number, UInt32(FSCONFIG_SET_FLAG.rawValue), key, nil, 0)
                    }
                case .text(let text):
                    _ = try system("fsconfig \(key)=\(text)") {
                        apus_fsconfig(number, UInt32(FSCONFIG_SET_STRING.rawValue), key, text, 0)
                    }
                case .descriptor(let file):
                    _ = try system("fsconfig \(key)=descriptor \(file)") {
                        apus_fsconfig(number, UInt32(FSCONFIG_SET_FD.rawValue), key, nil, file)
                    }
                }
            }
            _ = try system("create a \(type)") {
                apus_fsconfig(number, UInt32(FSCONFIG_CMD_CREATE.rawValue), nil, nil, 0)
            }
            return FileDescriptor(
                owning: try system("fsmount") { apus_fsmount(number, UInt32(FSMOUNT_CLOEXEC), attributes) })
        } catch {
            complaint = log(of: context)
            throw error
        }
    }

    /// Attaches a detached mount (move_mount(2)).
    public static func attach(
        _ mount: borrowing FileDescriptor, at target: String
    ) throws(SystemError) {
        let number = mount.number
        _ = try system("attach a mount at \(target)") { apus_move_mount(number, target) }
    }

    /// umount2(2).
    ///
    /// - Parameter flags: MNT_DETACH and the like.
    public static func unmount(_ target: String, flags: Int32 = 0) throws(SystemError) {
        _ = try system("unmount \(target)") { apus_unmount(target, flags) }
    }

    /// mount(2), for file systems that the kernel does not yet give all options of by fsconfig(2).
    ///
    /// - Parameter data: options with commas between them; less than a page.
    public static func mount(
        _ type: String, source: String, at target: String, flags: UInt, data: String
    ) throws(SystemError) {
        _ = try system("mount \(type) at \(target)") {
            apus_mount_type(type, source, target, flags, data)
        }
    }

    /// The errors in a context's log: each read is one message, a letter for its weight, a blank and the text.
    private static func log(of context: borrowing FileDescriptor) -> String {
        var messages: [String] = []
        while let message = try? context.read(512), !message.isEmpty {
            guard message.starts(with: [UInt8(ascii: "e"), UInt8(ascii: " ")]) else { continue }
            let text = message.dropFirst(2).filter { $0 >= 0x20 }
            messages.append(String(decoding: text, as: UTF8.self))
        }
        return messages.joined(separator: "; ")
    }

    /// Changes the propagation (MS_SLAVE and the like) of the mount and of all below it.
    public static func propagate(
        _ mount: borrowing FileDescriptor, _ propagation: UInt64
    ) throws(SystemError) {
        var change = mount_attr()
        change.propagation = propagation
        try set(mount, &change, recursive: true, "change the propagation")
    }

    /// Gives the mount, and if asked for all below it, the ID mapping of a user namespace.
    public static func map(
        _ mount: borrowing FileDescriptor, like userNamespace: borrowing FileDescriptor, recursive: Bool
    ) throws(SystemError) {
        var change = mount_attr()
        change.attr_set = UInt64(MOUNT_ATTR_IDMAP)
        change.userns_fd = UInt64(UInt32(bitPattern: userNamespace.number))
        try set(mount, &change, recursive: recursive, "map the IDs")
    }

    private static func set(
        _ mount: borrowing FileDescriptor, _ change: inout mount_attr, recursive: Bool, _ doing: String
    ) throws(SystemError) {
        let number = mount.number
        _ = try system("\(doing): mount_setattr") {
            apus_mount_setattr(number, recursive ? atRecursive : 0, &change)
        }
    }

    /// Whether the kernel can map the IDs of mounts (Linux 5.12).
    public static var canMapIDs: Bool {
        var change = mount_attr()
        change.attr_set = UInt64(MOUNT_ATTR_IDMAP)
        change.userns_fd = UInt64(UInt32.max >> 1)
        // No such descriptor: what it says of that, it says after it has understood the rest.
        return apus_mount_setattr(-1, 0, &change) == 0 || errno == EBADF
    }

    private static let atRecursive: UInt32 = 0x8000
}
