import CKernel
import Diagnosis
import Glibc

extension FileDescriptor {
    /// write(2) until everything is written, from memory of the caller's.
    public func writeAll(_ bytes: UnsafeRawBufferPointer, name: String = "file") throws(SystemError) {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let written = try system("write \(name)") { Glibc.write(number, start, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// One read(2) into memory of the caller's.
    ///
    /// - Returns: how many bytes were read; 0 at the end.
    public func read(
        into room: UnsafeMutableRawBufferPointer, name: String = "file"
    ) throws(SystemError) -> Int {
        try system("read \(name)") { Glibc.read(number, room.baseAddress, room.count) }
    }

    /// ftruncate(2), and the position at the new end.
    public func cut(to size: Int, name: String = "file") throws(SystemError) {
        _ = try system("truncate \(name)") { ftruncate(number, size) }
        _ = try system("seek in \(name)") { lseek(number, size, SEEK_SET) }
    }
}
