import CKernel
import Diagnosis
import Glibc

/// A file mapped shared, to be read while another process writes to it, and to leave it a word.
public struct SharedPage: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let size: Int

    /// Maps the first `size` bytes of `file`, which must be that long.
    public init(_ file: borrowing FileDescriptor, size: Int) throws(SystemError) {
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0),
            base != MAP_FAILED
        else {
            throw SystemError("mmap the report", Errno(errno))
        }
        self.base = base
        self.size = size
    }

    deinit { munmap(base, size) }

    /// A copy of what stands there now.
    public func snapshot() -> [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: size)) }

    /// Writes a word, after everything that this process did before.
    ///
    /// - Parameter offset: a multiple of four inside the page.
    public func store(_ word: UInt32, at offset: Int) {
        guard offset >= 0, offset % 4 == 0, offset + 4 <= size else { return }
        apus_store_word(base + offset, word)
    }
}

extension FileDescriptor {
    /// ftruncate(2).
    public func resize(to size: Int, name: String = "file") throws(SystemError) {
        _ = try system("resize \(name)") { ftruncate(number, size) }
    }
}
