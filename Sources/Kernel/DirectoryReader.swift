import CKernel
import Diagnosis
import Glibc

/// The names in an open directory, one after another, `.` and `..` left out, in no order: however many there are, they
/// take a buffer of 32 KiB.
public struct DirectoryReader {
    public struct Item: Sendable {
        public let name: RawPath
        /// As far as the file system tells (DT_UNKNOWN is nil).
        public let isDirectory: Bool?
        /// Where the one behind it is; see ``DirectoryReader/init(_:from:)``.
        public let next: Int64
    }

    private let directory: Int32
    private var buffer = [UInt8](repeating: 0, count: 32 << 10)
    private var offset = 0
    private var count = 0

    /// - Parameters:
    ///   - directory: opened for reading, and open as long as this is used. Its position moves.
    ///   - position: 0 is the beginning.
    public init(_ directory: Int32, from position: Int64 = 0) throws(SystemError) {
        self.directory = directory
        _ = try system("seek in a directory") { lseek(directory, Int(position), SEEK_SET) }
    }

    /// nil at the end. What is made or removed meanwhile may be among them or not; all else is, once.
    public mutating func next() throws(SystemError) -> Item? {
        // linux_dirent64: inode and offset, 8 bytes each; length, 2; type, 1; name.
        let header = 19
        while true {
            if offset + header >= count {
                let directory = directory
                offset = 0
                count = try system("read a directory") {
                    buffer.withUnsafeMutableBytes { apus_getdents(directory, $0.baseAddress, $0.count) }
                }
                if count == 0 { return nil }
            }
            let length = Int(buffer[offset + 16]) | Int(buffer[offset + 17]) << 8
            let type = Int32(buffer[offset + 18])
            let name = RawPath(buffer[(offset + header)..<(offset + length)])
            var next: UInt64 = 0
            for index in 0..<8 { next |= UInt64(buffer[offset + 8 + index]) << (8 * UInt64(index)) }
            offset += length
            if name.isDots { continue }
            return Item(
                name: name, isDirectory: type == Int32(DT_UNKNOWN) ? nil : type == Int32(DT_DIR),
                next: Int64(bitPattern: next))
        }
    }
}

extension RawPath {
    fileprivate var isDots: Bool { bytes.elementsEqual([0x2e]) || bytes.elementsEqual([0x2e, 0x2e]) }
}
