import Diagnosis
import Glibc
import Kernel
import OCISpec

/// The host's files, as far as a specification depends on them. A protocol, so that what is made of them can be
/// computed for any host.
package protocol HostFiles: Sendable {
    /// Resolves all links. Of what is missing, the part that is there is resolved.
    func canonical(_ path: String) throws(SystemError) -> HostPath
    /// As `mkdir -p` with mode 0755.
    func makeDirectories(_ path: String) throws(SystemError)
    /// What is there, links followed.
    func entry(_ path: String) throws(SystemError) -> HostEntry
    /// Names in a directory.
    func list(_ path: String) throws(SystemError) -> [String]
    /// At most `limit` bytes.
    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8]
    func mountTable() throws(SystemError) -> MountTable
    /// The path below `root` that `path` leads to for somebody whose root it is: no link leads out of it.
    func path(_ path: String, in root: String) throws(SystemError) -> String
    /// A regular file below a root that nobody trusts; nil if there is none. Links lead nowhere else.
    /// - Throws: EFBIG if it is longer than `limit` bytes.
    func read(_ path: String, in root: String, limit: Int) throws(SystemError) -> [UInt8]?
}

package struct HostPath: Equatable, Sendable {
    package var path: String
    package var exists: Bool

    package init(path: String, exists: Bool) {
        self.path = path
        self.exists = exists
    }
}

package enum HostEntry: Equatable, Sendable {
    case directory
    case device(DeviceNode)
    case other

    package struct DeviceNode: Equatable, Sendable {
        package var type: Device.Kind
        package var major: UInt32
        package var minor: UInt32
        package var fileMode: UInt32
        package var uid: UInt32
        package var gid: UInt32

        package init(
            type: Device.Kind, major: UInt32, minor: UInt32, fileMode: UInt32, uid: UInt32 = 0,
            gid: UInt32 = 0
        ) {
            self.type = type
            self.major = major
            self.minor = minor
            self.fileMode = fileMode
            self.uid = uid
            self.gid = gid
        }
    }
}

/// The files of this host.
package struct LocalFiles: HostFiles {
    package init() {}

    package func canonical(_ path: String) throws(SystemError) -> HostPath {
        do throws(SystemError) {
            return HostPath(path: try FileTree.canonical(path), exists: true)
        } catch {
            guard error.errno == Errno(ENOENT), !path.isEmpty, path != "/" else { throw error }
            // A link to nothing is no place for a directory.
            if FileTree.exists(path) { throw error }
        }
        let (parent, name) = Self.split(path)
        var resolved = try canonical(parent)
        resolved.path = resolved.path == "/" ? "/" + name : resolved.path + "/" + name
        resolved.exists = false
        return resolved
    }

    private static func split(_ path: String) -> (parent: String, name: String) {
        var rest = path[...]
        while rest.count > 1, rest.last == "/" { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return ("/", String(rest)) }
        return (
            slash == rest.startIndex ? "/" : String(rest[..<slash]), String(rest[rest.index(after: slash)...])
        )
    }

    package func makeDirectories(_ path: String) throws(SystemError) {
        try FileTree.makeDirectories(path, mode: 0o755)
    }

    package func entry(_ path: String) throws(SystemError) -> HostEntry {
        let status = try FileTree.status(path)
        if status.isDirectory { return .directory }
        let type: Device.Kind
        switch status.mode & S_IFMT {
        case S_IFCHR: type = .c
        case S_IFBLK: type = .b
        default: return .other
        }
        let number = UInt(status.rdev)
        // As glibc's gnu_dev_major and gnu_dev_minor.
        let major = (number >> 8 & 0xfff) | (number >> 32 & 0xffff_f000)
        let minor = (number & 0xff) | (number >> 12 & 0xffff_ff00)
        return .device(
            HostEntry.DeviceNode(
                type: type, major: UInt32(truncatingIfNeeded: major),
                minor: UInt32(truncatingIfNeeded: minor),
                fileMode: status.mode & 0o7777, uid: status.owner, gid: status.group))
    }

    package func list(_ path: String) throws(SystemError) -> [String] { try FileTree.list(path) }

    package func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        try FileTree.read(path, limit: limit)
    }

    package func mountTable() throws(SystemError) -> MountTable {
        MountTable(
            String(decoding: try FileTree.read("/proc/self/mountinfo", limit: 64 << 20), as: UTF8.self))
    }

    package func path(_ path: String, in root: String) throws(SystemError) -> String {
        let directory = try FileDescriptor.directory(root)
        let found = try FileDescriptor.reference(path, in: directory)
        return try FileTree.readLink("/proc/self/fd/\(found.number)")
    }

    package func read(_ path: String, in root: String, limit: Int) throws(SystemError) -> [UInt8]? {
        let directory = try FileDescriptor.directory(root)
        let found: FileDescriptor
        do throws(SystemError) {
            found = try FileDescriptor.reference(path, in: directory)
        } catch  where error.errno == Errno(ENOENT) || error.errno == Errno(ENOTDIR) {
            return nil
        }
        // Looked at before it is opened: to open a device or a FIFO does something.
        let status = try found.status(name: path)
        guard status.isRegular else {
            throw SystemError("read \(path) of the root file system: it is no regular file", Errno(EINVAL))
        }
        if status.size > Int64(limit) {
            throw SystemError("read \(path) of the root file system: more than \(limit) bytes", Errno(EFBIG))
        }
        let file = try FileDescriptor.open("/proc/self/fd/\(found.number)", O_RDONLY | O_NOCTTY | O_NONBLOCK)
        return try file.readAll(limit: limit, name: path)
    }
}
