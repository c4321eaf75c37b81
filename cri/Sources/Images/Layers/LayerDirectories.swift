import Diagnosis
import Glibc
import Kernel

/// The directory that was asked for last: archives go through a tree directory by directory.
struct DirectoryCache {
    private var last: (path: EntryPath, directory: OpenDirectory)?

    subscript(path: EntryPath) -> OpenDirectory? {
        get { last?.path == path ? last?.directory : nil }
        set { last = newValue.map { (path, $0) } }
    }

    mutating func forget() { last = nil }
}

extension LayerWriter {
    /// The directory at a path, with links followed inside of the layer; what is missing is made.
    func open(_ path: EntryPath) throws -> OpenDirectory {
        if path.isRoot { return root }
        if let directory = directories[path] { return directory }
        let directory = try resolve(path) ?? make(path)
        directories[path] = directory
        return directory
    }

    /// The directory at a path; nil if something on the way is missing or no directory.
    func resolve(_ path: EntryPath) throws(SystemError) -> OpenDirectory? {
        do throws(SystemError) {
            return OpenDirectory(try Entry.resolve(path.raw, O_RDONLY | O_DIRECTORY, in: root.number))
        } catch  where error.errno == Errno(ENOENT) || error.errno == Errno(ENOTDIR) {
            return nil
        }
    }

    /// Goes down name by name, and makes what is missing, also where a link leads to nothing in this layer: what it
    /// leads to may be in one below.
    private func make(_ path: EntryPath) throws -> OpenDirectory {
        // The directories on the way, each with its path without links.
        var way: [(path: EntryPath, directory: OpenDirectory)] = [(.root, root)]
        var ahead = Array(path.names.reversed())
        var links = 0
        while let name = ahead.popLast() {
            if name == RawPath(".") { continue }
            if name == RawPath("..") {
                if way.count > 1 { way.removeLast() }
                continue
            }
            let (parentPath, parent) = way[way.count - 1]
            let here = parentPath.appending(name)
            guard here.depth <= limits.depth else {
                throw limits.passed("depth", limits.depth, "links on the way of \(path) lead deeper")
            }
            let existing = try status(name, in: parent)
            if let existing, existing.isSymbolicLink {
                links += 1
                guard links <= 40 else { throw refuse(path, "too many links on the way") }
                let target = try Entry.readLink(name, in: parent.number)
                if target.first == UInt8(ascii: "/") { way.removeLast(way.count - 1) }
                ahead += target.split(separator: UInt8(ascii: "/")).reversed().map { RawPath($0) }
                continue
            }
            if let existing, !existing.isDirectory, !OverlayMarks.isWhiteout(existing) {
                throw refuse(path, "\(here) is not a directory")
            }
            if existing?.isDirectory != true { try change(parent) }
            let directory = try makeDirectory(here, in: parent)
            if existing?.isDirectory != true { try imply(here, directory, in: parent) }
            way.append((here, directory))
        }
        return way[way.count - 1].directory
    }

    /// Gives a directory that no entry is about what it has in the layers below: overlay takes its owner and mode from
    /// the uppermost layer that has it.
    private func imply(_ path: EntryPath, _ directory: OpenDirectory, in parent: OpenDirectory) throws {
        try countEntry(path)
        let below = try lowers.find(path)
        guard let below, below.status.isDirectory, !(try OverlayMarks.isOpaque(directory.number)) else {
            return try setAttributes(.impliedDirectory, of: directory.number, isDirectory: true)
        }
        let attributes = try below.attributes()
        try setAttributes(attributes, of: directory.number, isDirectory: true)
        try setTime(attributes.modified, of: directory)
    }
}
