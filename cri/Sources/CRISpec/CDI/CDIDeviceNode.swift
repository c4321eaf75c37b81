import Diagnosis
import Glibc
import Kernel
import OCISpec

/// A device node of a document. What it leaves out is looked up on the host.
struct CDIDeviceNode: Sendable, Equatable {
    var path: String
    /// Where the host has it; nil is the same path.
    var hostPath: String?
    var type: Device.Kind?
    var major: UInt32?
    var minor: UInt32?
    /// Permission bits.
    var fileMode: UInt32?
    /// Some of `rwm`.
    var access = "rwm"
    var uid: UInt32?
    var gid: UInt32?

    init(from reader: inout JSONReader, _ uses: inout [CDIVersion.Use]) throws(Failure) {
        path = ""
        var given: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "path": given = try reader.absolutePath()
            case "hostPath":
                hostPath = try reader.nonEmptyString()
                if hostPath != nil { uses.append(CDIVersion.Use(pointer: reader.pointer, since: .v050)) }
            case "type": type = try reader.optionalChoice()
            case "major": major = try reader.uint32()
            case "minor": minor = try reader.uint32()
            case "fileMode": fileMode = UInt32(try reader.uint64(to: 0o7777))
            case "permissions":
                let text = try reader.string()
                if text.contains(where: { !"rwm".contains($0) }) && text != "none" {
                    throw reader.fail("\"\(text)\" is not some of \"rwm\", or \"none\"")
                }
                if !text.isEmpty { access = text == "none" ? "" : text }
            case "uid": uid = try reader.uint32()
            case "gid": gid = try reader.uint32()
            default: throw reader.fail("unknown field")
            }
        }
        guard let given else { throw reader.missing("path") }
        path = given
    }

    /// The node with all that config.json wants, from the host's where the document does not say.
    ///
    /// - Parameter name: the device that wants it, for errors.
    func resolve(for name: String) throws(CDIError) -> ContainerEdits.DeviceNode {
        let host = hostPath ?? path
        // 0 is as good as nothing: no device has the major number 0, and Go's documents write it.
        let isComplete = type.map { $0 == .p || (major ?? 0) != 0 } ?? false
        var node = self
        let status: FileStatus?
        do throws(SystemError) {
            status = try FileTree.statusOfLink(host)
        } catch {
            // A vendor may describe in full what the host does not have, or not yet.
            if !isComplete { throw CDIError(.host, name, "the device node \(host): \(error.errno)") }
            status = nil
        }
        if let status {
            node.fileMode = fileMode ?? (status.mode & 0o7777)
            if !isComplete { try node.complete(from: status, host, name) }
        }
        var device = Device(type: node.type ?? .c, path: path)
        if device.type != .p {
            device.major = node.major
            device.minor = node.minor ?? 0
        }
        device.fileMode = node.fileMode
        device.uid = uid
        device.gid = gid
        return ContainerEdits.DeviceNode(device: device, access: access)
    }

    private mutating func complete(
        from status: FileStatus, _ host: String, _ name: String
    ) throws(CDIError) {
        let found: Device.Kind
        switch status.mode & S_IFMT {
        case S_IFBLK: found = .b
        case S_IFCHR: found = .c
        case S_IFIFO: found = .p
        default: throw CDIError(.host, name, "\(host) is not a device node")
        }
        // An unbuffered character device is a character device to the host.
        if let type, type != found && !(type == .u && found == .c) {
            throw CDIError(
                .host, name, "\(host) is of type \(found.rawValue), but the document says \(type.rawValue)")
        }
        type = type ?? found
        if (major ?? 0) == 0 {
            // As glibc's gnu_dev_major and gnu_dev_minor take it apart.
            major = UInt32(truncatingIfNeeded: (status.rdev >> 8) & 0xfff | (status.rdev >> 32) & ~0xfff)
            minor = UInt32(truncatingIfNeeded: status.rdev & 0xff | (status.rdev >> 12) & ~0xff)
        }
    }
}
