import Diagnosis
import Glibc
import Kernel

extension LayerWriter {
    /// Makes a hard link to a file of this layer; a file of a layer below is copied into this one first, as overlay
    /// would do.
    func link(_ path: EntryPath, in parent: OpenDirectory, to raw: [UInt8]) throws {
        let target = try EntryPath(cleaning: raw, what: "the target of the link \(path)", limits: limits)
        guard !target.isRoot else { throw refuse(path, "a hard link to the root") }
        guard let (directory, status) = try find(target) ?? copyUp(target, for: path) else {
            throw refuse(path, "it is a hard link to \(target), which is neither here nor in a layer below")
        }
        guard !status.isDirectory else { throw refuse(path, "it is a hard link to a directory, \(target)") }
        guard !OverlayMarks.isWhiteout(status) else {
            throw refuse(path, "it is a hard link to \(target), which this layer removes")
        }
        if let existing = try self.status(path.name, in: parent), existing.inode == status.inode { return }
        try change(parent)
        try clear(path.name, in: parent)
        try Entry.makeHardLink(path.name, in: parent.number, to: target.name, in: directory.number)
    }

    private func find(_ path: EntryPath) throws(SystemError) -> (OpenDirectory, FileStatus)? {
        guard let directory = try resolve(path.parent),
            let status = try status(path.name, in: directory)
        else { return nil }
        return (directory, status)
    }

    private func copyUp(_ path: EntryPath, for link: EntryPath) throws -> (OpenDirectory, FileStatus)? {
        guard let below = try lowers.find(path), !below.status.isDirectory else { return nil }
        let directory = try open(path.parent)
        let name = path.name
        // A directory on the way may hide it all the same.
        if try OverlayMarks.isOpaque(directory.number) { return nil }
        try countEntry(path)
        try change(directory)
        let attributes = try below.attributes()
        switch below.status.mode & S_IFMT {
        case S_IFREG:
            let source = try Entry.open(below.name, O_RDONLY, in: below.directory.number)
            let flags = O_WRONLY | O_CREAT | O_EXCL
            let copy = try Entry.open(name, flags, mode: 0o600, in: directory.number)
            let content = FileContent(of: path) { bytes throws(ImageError) in
                try self.check()
                try self.checkSize(link, with: bytes)
            }
            try content.copy(source, to: copy)
            try setAttributes(attributes, of: copy.number, isDirectory: false)
            try copy.setTimes(attributes.modified)
        case S_IFLNK:
            let target = try Entry.readLink(below.name, in: below.directory.number)
            try Entry.makeSymbolicLink(name, to: RawPath(target), in: directory.number)
            try setAttributes(attributes, of: name, in: directory.number, isLink: true)
        default:
            let type = below.status.mode & S_IFMT
            try Entry.makeNode(
                name, mode: type | 0o600, device: below.status.rdev, in: directory.number)
            try setAttributes(attributes, of: name, in: directory.number, isLink: false)
        }
        let status = try Entry.status(name, in: directory.number)
        count(status)
        return (directory, status)
    }
}
