import Diagnosis
import Glibc

/// A file mapped shared, to be read while another process writes to it.
public struct SharedPage: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let size: Int

    /// Maps the first `size` bytes of `file`, which must be that long.
    public init(_ file: borrowing FileDescriptor, size: Int) throws(SystemError) {
        guard let base = mmap(nil, size, PROT_READ, MAP_SHARED, file.number, 0), base != MAP_FAILED else {
            throw SystemError("mmap the report", Errno(errno))
        }
        self.base = base
        self.size = size
    }

    deinit { munmap(base, size) }

    /// A copy of what stands there now.
    public func snapshot() -> [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: size)) }
}

extension FileDescriptor {
    /// ftruncate(2).
    public func resize(to size: Int, name: String = "file") throws(SystemError) {
        _ = try system("resize \(name)") { ftruncate(number, size) }
    }
}
