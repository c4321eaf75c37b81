import Diagnosis
import Glibc
import Kernel

/// How a layer says that something of the layers below is not there: as files with certain names in archives
/// (image-spec, layer.md, "Whiteouts"), and as the kernel's overlay has it on disk.
enum OverlayMarks {
    /// Attributes that mean something to overlay, and that no archive may set.
    static let attributePrefix = Array("trusted.overlay.".utf8)
    private static let opaque = RawPath("trusted.overlay.opaque")

    /// What the name of an entry means.
    enum Meaning: Equatable {
        case ordinary
        /// `.wh.NAME`: the layers below have no NAME here.
        case whiteout(RawPath)
        /// `.wh..wh..opq`: the layers below have nothing at all here.
        case opaque
        /// `.wh..wh.*`: bookkeeping of aufs, which made such archives first.
        case bookkeeping
    }

    static func meaning(of name: RawPath) -> Meaning {
        guard name.bytes.starts(with: Array(".wh.".utf8)) else { return .ordinary }
        if name == RawPath(".wh..wh..opq") { return .opaque }
        if name.bytes.starts(with: Array(".wh..wh.".utf8)) { return .bookkeeping }
        return .whiteout(RawPath(name.bytes.dropFirst(4)))
    }

    static func isWhiteout(_ status: FileStatus) -> Bool {
        status.mode & S_IFMT == S_IFCHR && status.rdev == 0
    }

    static func makeWhiteout(_ name: RawPath, in directory: Int32) throws(SystemError) {
        try Entry.makeNode(name, mode: S_IFCHR, in: directory)
    }

    /// Marks a directory, which `directory` holds open for reading.
    static func makeOpaque(_ directory: Int32) throws(SystemError) {
        try ExtendedAttributes.set(opaque, [UInt8(ascii: "y")], of: directory)
    }

    /// Whether the directory is marked; `directory` may be O_PATH.
    static func isOpaque(_ directory: Int32) throws(SystemError) -> Bool {
        // The name with the dot is a path through the descriptor, and so the directory itself.
        try ExtendedAttributes.get(opaque, of: RawPath("."), in: directory) == [UInt8(ascii: "y")]
    }
}
