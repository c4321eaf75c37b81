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
    /// Extended attributes that the file system does not take.
    var skippedAttributes = SkippedAttributes()
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
    /// Throws when nobody waits for the layer any more.
    let check: () throws(ImageError) -> Void
    private var removal: TreeRemoval
    private let scratch: OpenDirectory
    /// The directory that is being changed, and the time that it is to have afterwards: what is made in a directory
    /// changes its time. All others have theirs.
    private var changing: (directory: OpenDirectory, time: Timestamp)?

    /// - Parameters:
    ///   - directory: holds `fs`, an empty directory that becomes the layer, and `discard`, an empty one as well.
    ///   - lowers: the layers below.
    ///   - below: what these come to.
    init(
        in directory: Int32, above lowers: LowerLayers, _ below: LayerTotals, limits: UnpackLimits,
        check: @escaping () throws(ImageError) -> Void
    ) throws(SystemError) {
        self.lowers = lowers
        self.limits = limits
        self.below = below
        self.check = check
        root = OpenDirectory(try Entry.open(RawPath("fs"), O_RDONLY | O_DIRECTORY, in: directory))
        scratch = OpenDirectory(try Entry.open(RawPath("discard"), O_RDONLY | O_DIRECTORY, in: directory))
        removal = TreeRemoval(scratch: scratch.number)
        // What the archive does not say of the root holds as below.
        let attributes = try lowers.find(.root)?.attributes() ?? .impliedDirectory
        try setAttributes(attributes, of: root.number, isDirectory: true)
        let status = try Entry.status(RawPath("."), in: root.number)
        count(status)
        try setTime(attributes.modified, of: root)
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

    /// To be called after the last entry.
    func finish() throws(ImageError) {
        do throws(SystemError) {
            try endChange()
        } catch {
            throw ImageError(error)
        }
    }

    // MARK: - Times of directories

    /// To be called before something is made or removed in a directory.
    func change(_ directory: OpenDirectory) throws(SystemError) {
        if let changing, changing.directory === directory { return }
        try endChange()
        changing = (directory, try Entry.status(RawPath("."), in: directory.number).modified)
    }

    /// Gives the directory that has been changed its time again. It may be gone by now, which is no matter.
    private func endChange() throws(SystemError) {
        guard let (directory, time) = changing else { return }
        changing = nil
        try Entry.setTimes(RawPath("."), time, in: directory.number)
    }

    /// Gives a directory the time that an entry has for it.
    func setTime(_ time: Timestamp, of directory: OpenDirectory) throws(SystemError) {
        // Should it be this one.
        try endChange()
        try Entry.setTimes(RawPath("."), time, in: directory.number)
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

    /// - Parameter more: bytes that are about to be written.
    func checkSize(_ path: EntryPath, with more: Int64 = 0) throws(ImageError) {
        guard below.bytes + UInt64(max(0, statistics.bytes) + more) <= limits.imageBytes else {
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
            try setTime(entry.attributes.modified, of: root)
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
        try change(parent)
        switch entry.kind {
        case .directory:
            let directory = try makeDirectory(path, in: parent)
            try setAttributes(entry.attributes, of: directory.number, isDirectory: true)
            try setTime(entry.attributes.modified, of: directory)
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
        try change(directory)
        guard let status = try status(name, in: directory) else {
            try OverlayMarks.makeWhiteout(name, in: directory.number)
            count(try Entry.status(name, in: directory.number))
            return
        }
        // What this layer has itself stays (layer.md: whiteouts are of lower layers only): a file hides what is below,
        // and so does a directory that takes its place; one that is there has to be told.
        if status.isDirectory {
            let own = try Entry.open(name, O_RDONLY | O_DIRECTORY, in: directory.number)
            try OverlayMarks.makeOpaque(own.number)
        }
    }

    /// A directory of that name: the one that is there, or a new one in the place of whatever is there, be it a whiteout
    /// or a file: that hides what is below, and the directory hides it as well.
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
            if existing != nil { try OverlayMarks.makeOpaque(directory.number) }
        }
        return directory
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
