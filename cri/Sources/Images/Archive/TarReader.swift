import CArchive
import Diagnosis
import Glibc
import Kernel

/// The members of a tar archive (pax, GNU and ustar, by libarchive), one after another.
///
/// Names are bytes: in the locale that a program has which sets none, libarchive hands them on as they are.
final class TarReader {
    private let archive: OpaquePointer
    private let stream: LayerStream
    private let limits: UnpackLimits
    private var isOpen = false
    /// There is a member whose data has not been skipped.
    private var isInMember = false
    /// How many bytes the call that is going on has been fed; nil where it may have any number.
    private var fed: UInt64?
    /// The first bytes, read ahead: an archive of no bytes at all is an empty one, which libarchive would not have.
    private var first: UnsafeRawBufferPointer?
    /// There are no bytes any more.
    private var isDrained = false
    /// The archive ends with the last byte of a file, as umoci(1) writes it: neither the padding to a block nor the two
    /// blocks of zeros. Nothing of the content is lacking, and other engines take such layers.
    private var endsUnpadded = false
    /// The current file's size, and where what was read of it ends.
    private var size: Int64 = 0
    private var end: Int64 = 0

    init(_ stream: LayerStream, limits: UnpackLimits) throws(ImageError) {
        guard let archive = archive_read_new() else {
            throw ImageError(.internal, doing: "start libarchive", "no memory")
        }
        self.archive = archive
        self.stream = stream
        self.limits = limits
        // Nothing but tar is to be recognized.
        guard archive_read_support_filter_none(archive) == ARCHIVE_OK,
            archive_read_support_format_tar(archive) == ARCHIVE_OK
        else { throw failure("start libarchive") }
    }

    deinit { archive_read_free(archive) }

    /// The next member; nil at the end. The data of the one before is skipped.
    func next() throws(ImageError) -> TarEntry? {
        if endsUnpadded { return nil }
        if !isOpen {
            let first = try stream.next()
            if first.isEmpty { return nil }
            self.first = first
            try open()
        }
        try skip()
        var entry: OpaquePointer?
        let answer = bounded { archive_read_next_header(archive, &entry) }
        if let failure = stream.failure { throw failure }
        isInMember = true
        switch answer {
        case ARCHIVE_OK: break
        case ARCHIVE_EOF: return nil
        case ARCHIVE_WARN where isAboutLocale: break
        default: throw failure("read a layer's archive")
        }
        guard let entry else { throw failure("read a layer's archive") }
        (size, end) = (archive_entry_size(entry), 0)
        return try Self.read(entry)
    }

    /// The next piece of the current member's content and where in the file it belongs; between pieces are holes.
    /// Valid until the next call; nil at the end.
    func nextData() throws(ImageError) -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var start: UnsafeRawPointer?
        var count = 0
        var offset: la_int64_t = 0
        let answer = bounded { archive_read_data_block(archive, &start, &count, &offset) }
        if let failure = stream.failure { throw failure }
        switch answer {
        case ARCHIVE_OK:
            // Wraps where the archive lies: then the writer refuses the piece.
            end = offset &+ Int64(count)
            return (UnsafeRawBufferPointer(start: start, count: count), offset)
        case ARCHIVE_EOF: return nil
        case _ where isDrained && end == size && size > 0:
            endsUnpadded = true
            return nil
        default: throw failure("read a file in a layer's archive")
        }
    }

    /// Skips what is left of the current member. libarchive would do so by itself, but then what it reads for the next
    /// one's header could not be told from this.
    private func skip() throws(ImageError) {
        guard isInMember else { return }
        isInMember = false
        let answer = archive_read_data_skip(archive)
        if let failure = stream.failure { throw failure }
        guard answer == ARCHIVE_OK || answer == ARCHIVE_WARN else {
            throw answer == ARCHIVE_EOF
                ? ImageError(.corrupt, doing: "read a layer's archive", "truncated in the middle of a file")
                : failure("read a layer's archive")
        }
    }

    /// Does a call that reads a header or a piece of data.
    ///
    /// What it reads in one go is what libarchive keeps: long names, extended attributes, and maps of sparse files, of
    /// which every four bytes of the archive become some forty of memory. A piece of data takes a buffer or two.
    private func bounded(_ call: () -> Int32) -> Int32 {
        fed = 0
        defer { fed = nil }
        return call()
    }

    private func open() throws(ImageError) {
        // It outlives the archive, as the reader holds both.
        let client = Unmanaged.passUnretained(self).toOpaque()
        let answer = archive_read_open(
            archive, client, nil,
            { _, client, buffer in
                guard let client, let buffer else { return -1 }
                return Unmanaged<TarReader>.fromOpaque(client).takeUnretainedValue().feed(buffer)
            }, nil)
        if let failure = stream.failure { throw failure }
        guard answer == ARCHIVE_OK else { throw failure("read a layer's archive") }
        isOpen = true
    }

    /// What libarchive calls for more.
    private func feed(_ buffer: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
        do throws(ImageError) {
            if let fed, fed > limits.headerBytes { throw stream.refuse(limits.headerPassed) }
            let bytes = if let first { first } else { try stream.next() }
            first = nil
            fed? += UInt64(bytes.count)
            isDrained = bytes.isEmpty
            buffer.pointee = bytes.baseAddress
            return bytes.count
        } catch {
            // The stream keeps the error; whoever called libarchive looks there first.
            return -1
        }
    }

    /// Names of users, which nobody here asks for, and any others are handed on as they are if they are not in the
    /// locale's encoding; libarchive warns of it.
    private var isAboutLocale: Bool {
        archive_error_string(archive).map { String(cString: $0).contains("can't be converted") } ?? false
    }

    private func failure(_ doing: String) -> ImageError {
        let reason =
            archive_error_string(archive).map { String(cString: $0) } ?? "libarchive does not say why"
        return ImageError(archive_errno(archive) == ENOMEM ? .internal : .corrupt, doing: doing, reason)
    }

    private static func read(_ entry: OpaquePointer) throws(ImageError) -> TarEntry {
        guard let path = bytes(archive_entry_pathname(entry)) else {
            throw ImageError(.corrupt, doing: "read a layer's archive", "an entry has no name")
        }
        let name = RawPath(path)
        func refuse(_ reason: String) -> ImageError {
            ImageError(.corrupt, doing: "read the entry \(name) of a layer", reason)
        }
        func identifier(_ value: la_int64_t, _ field: String) throws(ImageError) -> UInt32 {
            // -1 means to chown(2) that nothing is to be changed.
            guard let id = UInt32(exactly: value), id != .max else { throw refuse("\(field) is \(value)") }
            return id
        }
        let kind: TarEntry.Kind
        if let target = bytes(archive_entry_hardlink(entry)) {
            kind = .hardLink(target: target)
        } else {
            let (major, minor) = (
                UInt32(truncatingIfNeeded: archive_entry_rdevmajor(entry)),
                UInt32(truncatingIfNeeded: archive_entry_rdevminor(entry))
            )
            switch UInt32(archive_entry_filetype(entry)) {
            case S_IFREG: kind = .file(size: archive_entry_size(entry))
            case S_IFDIR: kind = .directory
            case S_IFCHR: kind = .characterDevice(major: major, minor: minor)
            case S_IFBLK: kind = .blockDevice(major: major, minor: minor)
            case S_IFIFO: kind = .fifo
            case S_IFLNK:
                guard let target = bytes(archive_entry_symlink(entry)), !target.isEmpty else {
                    throw refuse("the link has no target")
                }
                kind = .symbolicLink(target: target)
            case let type: throw refuse("its type is 0\(String(type, radix: 8))")
            }
        }
        if case .file(let size) = kind, size < 0 { throw refuse("its size is \(size)") }
        let attributes = EntryAttributes(
            mode: UInt32(archive_entry_perm(entry)) & 0o7777,
            uid: try identifier(archive_entry_uid(entry), "uid"),
            gid: try identifier(archive_entry_gid(entry), "gid"),
            modified: Timestamp(
                seconds: Int(archive_entry_mtime(entry)),
                nanoseconds: max(0, min(999_999_999, Int(archive_entry_mtime_nsec(entry))))),
            extended: extended(entry))
        return TarEntry(path: path, kind: kind, attributes: attributes)
    }

    private static func extended(_ entry: OpaquePointer) -> [(name: RawPath, value: [UInt8])] {
        guard archive_entry_xattr_reset(entry) > 0 else { return [] }
        var attributes: [(name: RawPath, value: [UInt8])] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while archive_entry_xattr_next(entry, &name, &value, &count) == ARCHIVE_OK {
            guard let bytes = bytes(name) else { continue }
            attributes.append((RawPath(bytes), Array(UnsafeRawBufferPointer(start: value, count: count))))
        }
        return attributes
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
        text.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
}
