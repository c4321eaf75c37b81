import Diagnosis
import Glibc
import Kernel

/// The layers below one that is being unpacked, seen as overlay would show them.
struct LowerLayers {
    /// Their roots, the uppermost first.
    let roots: [OpenDirectory]

    /// Something in one of them.
    struct Found {
        let directory: OpenDirectory
        let name: RawPath
        let status: FileStatus
    }

    /// What the path leads to, if there is such a thing and nothing hides it. Links on the way are not followed: in the
    /// layer above there would be a directory in their place.
    func find(_ path: EntryPath) throws(SystemError) -> Found? {
        let names = path.names
        for root in roots {
            switch try find(names, in: root) {
            case .found(let found): return found
            case .hidden: return nil
            case .absent: continue
            }
        }
        return nil
    }

    private enum Answer {
        case found(Found)
        case hidden
        case absent
    }

    private func find(_ names: [RawPath], in root: OpenDirectory) throws(SystemError) -> Answer {
        var directory = root
        var isOpaque = try OverlayMarks.isOpaque(root.number)
        guard let last = names.last else {
            let here = RawPath(".")
            return .found(
                Found(directory: root, name: here, status: try Entry.status(here, in: root.number)))
        }
        for name in names.dropLast() {
            guard let status = try status(name, in: directory) else { return isOpaque ? .hidden : .absent }
            guard status.isDirectory else { return .hidden }
            directory = OpenDirectory(try Entry.open(name, O_RDONLY | O_DIRECTORY, in: directory.number))
            if try OverlayMarks.isOpaque(directory.number) { isOpaque = true }
        }
        guard let status = try status(last, in: directory) else { return isOpaque ? .hidden : .absent }
        if OverlayMarks.isWhiteout(status) { return .hidden }
        return .found(Found(directory: directory, name: last, status: status))
    }

    private func status(_ name: RawPath, in directory: OpenDirectory) throws(SystemError) -> FileStatus? {
        do throws(SystemError) {
            return try Entry.status(name, in: directory.number)
        } catch  where error.errno == Errno(ENOENT) {
            return nil
        }
    }
}

extension LowerLayers.Found {
    /// Its owner, mode, time and extended attributes; overlay's own marks are left out.
    func attributes() throws(SystemError) -> EntryAttributes {
        var extended: [(name: RawPath, value: [UInt8])] = []
        let names: [RawPath]
        do throws(SystemError) {
            names = try ExtendedAttributes.list(of: name, in: directory.number)
        } catch  where error.errno == Errno(ENOTSUP) {
            names = []
        }
        for attribute in names where !attribute.bytes.starts(with: OverlayMarks.attributePrefix) {
            if let value = try ExtendedAttributes.get(attribute, of: name, in: directory.number) {
                extended.append((attribute, value))
            }
        }
        return EntryAttributes(
            mode: status.mode & 0o7777, uid: status.owner, gid: status.group, modified: status.modified,
            extended: extended)
    }
}
