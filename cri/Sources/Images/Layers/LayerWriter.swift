import Diagnosis
import Glibc
import Kernel

/// What a layer takes on the disk.
struct LayerStatistics: Equatable, Sendable {
    var bytes: Int64 = 0
    var inodes: Int64 = 0
    /// Entries of its archive, and directories made because an entry is in them.
    var entries: Int64 = 0
    /// Bytes of its archive and of its blob.
    var archiveBytes: Int64 = 0
    var blobBytes: Int64 = 0
    /// Whether the layer's root hides all layers below.
    var isOpaque = false
    /// Extended attributes that the file system does not take, each once.
    var skippedAttributes: Set<String> = []
}

/// Applies the entries of an archive to a directory, in their order, so that the directory is a layer of an overlay.
///
/// Nothing outside is touched whatever the archive says: parents are opened by openat2(2) with RESOLVE_IN_ROOT, and
/// everything is made by its single name in a parent that is held open. Nobody else may change the directory meanwhile.
final class LayerWriter {
    let root: OpenDirectory
    let lowers: LowerLayers
    let limits: UnpackLimits
    let below: LayerTotals
    var statistics = LayerStatistics()
    var directories = DirectoryCache()
    private var removal: TreeRemoval
    private let scratch: OpenDirectory
    /// What the archive has said is not in the layers below, by directory and name.
    private var hidden: Set<Place> = []
    /// Times of directories, set at the end: what is made in a directory changes its time. By inode, since a path may
    /// lead to another directory by then.
    private var times: [UInt64: (path: EntryPath, time: Timestamp)] = [:]

    private struct Place: Hashable {
        let directory: UInt64
        let name: RawPath
    }

    /// - Parameters:
    ///   - directory: holds `fs`, an empty directory that becomes the layer, and `discard`, an empty one as well.
    ///   - lowers: the layers below.
    ///   - below: what these come to.
    init(
        in directory: Int32, above lowers: LowerLayers, _ below: LayerTotals, limits: UnpackLimits
    ) throws(SystemError) {
        self.lowers = lowers
        self.limits = limits
        self.below = below
        root = OpenDirectory(try Entry.open(RawPath("fs"), O_RDONLY | O_DIRECTORY, in: directory))
        scratch = OpenDirectory(try Entry.open(RawPath("discard"), O_RDONLY | O_DIRECTORY, in: directory))
        removal = TreeRemoval(scratch: scratch.number)
        // What the archive does not say of the root holds as below.
        let attributes = try lowers.find(.root)?.attributes() ?? .impliedDirectory
        try setAttributes(attributes, of: root.number, isDirectory: true)
        let status = try Entry.status(RawPath("."), in: root.number)
        count(status)
        times[status.inode] = (.root, attributes.modified)
    }

    func apply(_ entry: TarEntry, content: TarReader) throws(ImageError) {
        let path = try EntryPath(cleaning: entry.path, what: "the entry", limits: limits)
        try countEntry(path)
        do {
            try apply(entry, at: path, content)
        } catch let error as SystemError {
            throw ImageError(error, unpacking: path)
        } catch let error as ImageError {
            throw error
        } catch {
            throw ImageError(.internal, doing: "unpack \(path)", "\(error)")
        }
        try checkSize(path)
    }

    /// Sets what can be set only after the last entry.
    func finish() throws(ImageError) {
        for (inode, (path, time)) in times {
            do throws(SystemError) {
                let directory = try Entry.resolve(path.raw, O_RDONLY | O_DIRECTORY, in: root.number)
                guard try directory.status().inode == inode else { continue }
                try directory.setTimes(time, name: "\(path)")
            } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.errno.rawValue) {
                // A later entry has taken its place.
            } catch {
                throw ImageError(error, unpacking: path)
            }
        }
    }

    // MARK: - Limits

    func countEntry(_ path: EntryPath) throws(ImageError) {
        statistics.entries += 1
        guard below.entries + UInt64(statistics.entries) <= limits.entries else {
            throw limits.passed(
                "entries", limits.entries,
                "the entry \(path) is one too many, with \(below.entries) in the layers below")
        }
    }

    func checkSize(_ path: EntryPath) throws(ImageError) {
        guard below.bytes + UInt64(max(0, statistics.bytes)) <= limits.imageBytes else {
            throw limits.passed(
                "imageBytes", limits.imageBytes, "with the entry \(path) the image takes more bytes")
        }
    }

    func count(_ status: FileStatus) {
        statistics.bytes += status.blocks * 512
        statistics.inodes += 1
    }

    // MARK: - Entries

    private func apply(_ entry: TarEntry, at path: EntryPath, _ content: TarReader) throws {
        if path.isRoot {
            guard entry.kind == .directory else { throw refuse(path, "only a directory can be the root") }
            try setAttributes(entry.attributes, of: root.number, isDirectory: true)
            times[try Entry.status(path.raw, in: root.number).inode] = (path, entry.attributes.modified)
            return
        }
        let name = path.name
        switch OverlayMarks.meaning(of: name) {
        case .bookkeeping: return
        case .opaque:
            let directory = try open(path.parent)
            try OverlayMarks.makeOpaque(directory.number)
            if directory.number == root.number { statistics.isOpaque = true }
            return
        case .whiteout(let hiddenName):
            guard !hiddenName.bytes.isEmpty, hiddenName != RawPath("."), hiddenName != RawPath("..") else {
                throw refuse(path, "a whiteout of \"\(hiddenName)\"")
            }
            return try hide(hiddenName, at: path.parent)
        case .ordinary: break
        }
        if path.names.contains(where: { OverlayMarks.meaning(of: $0) == .bookkeeping }) { return }

        let parent = try open(path.parent)
        switch entry.kind {
        case .directory:
            let directory = try makeDirectory(path, in: parent)
            try setAttributes(entry.attributes, of: directory.number, isDirectory: true)
            times[try Entry.status(RawPath("."), in: directory.number).inode] =
                (path, entry.attributes.modified)
        case .file(let size):
            try clear(name, in: parent)
            try writeFile(path, in: parent, size: size, entry.attributes, content)
        case .hardLink(let target):
            try link(path, in: parent, to: target)
        case .symbolicLink(let target):
            try clear(name, in: parent)
            try Entry.makeSymbolicLink(name, to: RawPath(target), in: parent.number)
            try setAttributes(entry.attributes, of: name, in: parent.number, isLink: true)
            count(try Entry.status(name, in: parent.number))
        case .characterDevice(0, 0):
            throw refuse(path, "a device 0:0, which would be a whiteout to overlay")
        case .characterDevice(let major, let minor):
            try makeNode(path, in: parent, S_IFCHR, major, minor, entry.attributes)
        case .blockDevice(let major, let minor):
            try makeNode(path, in: parent, S_IFBLK, major, minor, entry.attributes)
        case .fifo:
            try makeNode(path, in: parent, S_IFIFO, 0, 0, entry.attributes)
        }
    }

    private func hide(_ name: RawPath, at path: EntryPath) throws {
        let directory = try open(path)
        hidden.insert(try place(name, in: directory))
        guard let status = try status(name, in: directory) else {
            try OverlayMarks.makeWhiteout(name, in: directory.number)
            count(try Entry.status(name, in: directory.number))
            return
        }
        // What this layer has itself stays (layer.md: whiteouts are of lower layers only): a file hides what is below,
        // a directory has to be told.
        if status.isDirectory {
            let own = try Entry.open(name, O_RDONLY | O_DIRECTORY, in: directory.number)
            try OverlayMarks.makeOpaque(own.number)
        }
    }

    /// A directory of that name: the one that is there, or a new one in the place of whatever is there.
    func makeDirectory(_ path: EntryPath, in parent: OpenDirectory) throws -> OpenDirectory {
        let name = path.name
        let existing = try status(name, in: parent)
        let isNew = existing?.isDirectory != true
        if isNew {
            if existing != nil { try clear(name, in: parent) }
            try Entry.makeDirectory(name, mode: 0o700, in: parent.number)
        }
        let directory = OpenDirectory(try Entry.open(name, O_RDONLY | O_DIRECTORY, in: parent.number))
        if isNew {
            count(try Entry.status(RawPath("."), in: directory.number))
            if hidden.contains(try place(name, in: parent)) {
                try OverlayMarks.makeOpaque(directory.number)
            }
        }
        return directory
    }

    /// Notes the time that a directory is to have at the end.
    func remember(_ time: Timestamp, of directory: OpenDirectory, at path: EntryPath) throws(SystemError) {
        times[try Entry.status(RawPath("."), in: directory.number).inode] = (path, time)
    }

    private func writeFile(
        _ path: EntryPath, in parent: OpenDirectory, size: Int64, _ attributes: EntryAttributes,
        _ content: TarReader
    ) throws {
        let flags = O_WRONLY | O_CREAT | O_EXCL
        let file = try Entry.open(path.name, flags, mode: 0o600, in: parent.number)
        var end: Int64 = 0
        while let (bytes, offset) = try content.nextData() {
            let (next, overflow) = offset.addingReportingOverflow(Int64(bytes.count))
            guard offset >= end, !overflow, next <= size else {
                throw refuse(path, "its pieces are not in order, or beyond its size of \(size)")
            }
            try file.write(bytes, at: offset)
            end = next
        }
        // The rest is a hole.
        if end < size { try file.truncate(to: size) }
        try setAttributes(attributes, of: file.number, isDirectory: false)
        try file.setTimes(attributes.modified)
        count(try file.status())
    }

    private func makeNode(
        _ path: EntryPath, in parent: OpenDirectory, _ type: UInt32, _ major: UInt32, _ minor: UInt32,
        _ attributes: EntryAttributes
    ) throws {
        let name = path.name
        try clear(name, in: parent)
        try Entry.makeNode(name, mode: type | 0o600, major: major, minor: minor, in: parent.number)
        try setAttributes(attributes, of: name, in: parent.number, isLink: false)
        count(try Entry.status(name, in: parent.number))
    }

    // MARK: - What is there

    func status(_ name: RawPath, in directory: OpenDirectory) throws(SystemError) -> FileStatus? {
        do throws(SystemError) {
            return try Entry.status(name, in: directory.number)
        } catch  where error.errno == Errno(ENOENT) {
            return nil
        }
    }

    /// Removes whatever is there under that name.
    func clear(_ name: RawPath, in directory: OpenDirectory) throws(SystemError) {
        guard let status = try status(name, in: directory) else { return }
        // A path that went through it leads elsewhere from now on.
        if status.isDirectory || status.isSymbolicLink { directories.forget() }
        var gone = LayerStatistics()
        try removal.remove(name, in: directory.number) { status in
            guard status.isDirectory || status.links == 1 else { return }
            gone.bytes += status.blocks * 512
            gone.inodes += 1
        }
        statistics.bytes -= gone.bytes
        statistics.inodes -= gone.inodes
    }

    private func place(_ name: RawPath, in directory: OpenDirectory) throws(SystemError) -> Place {
        Place(directory: try Entry.status(RawPath("."), in: directory.number).inode, name: name)
    }

    func refuse(_ path: EntryPath, _ reason: String) -> ImageError {
        ImageError(.corrupt, doing: "unpack \(path)", reason)
    }
}

extension EntryAttributes {
    /// Of a directory that no entry is about, neither here nor in a layer below.
    static let impliedDirectory = EntryAttributes(
        mode: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0), extended: [])
}

extension ImageError {
    /// What the kernel refused while an entry was unpacked: some answers are the archive's fault.
    init(_ error: SystemError, unpacking path: EntryPath) {
        let fault: Set<Int32> = [ENAMETOOLONG, ELOOP, ENOTDIR, EISDIR, ENOENT, EMLINK, EFBIG, EINVAL]
        self.init(error)
        if fault.contains(error.errno.rawValue) { kind = .corrupt }
        failure.doing = "unpack \(path): \(error.doing)"
    }
}
