import CSeccomp
import Diagnosis
import Glibc

/// An anonymous file in memory (memfd_create(2)) that closes itself: libseccomp before 2.6 exports a
/// program to a descriptor only, and a pipe would block it once its 64 KiB are full.
struct MemoryFile: ~Copyable {
    let descriptor: Int32

    /// - Parameter name: shown in `/proc/PID/fd` as `memfd:NAME`.
    init(named name: String) throws(SystemError) {
        descriptor = apus_memory_file(name)
        if descriptor < 0 { throw SystemError("memfd_create \(name)", Errno(errno)) }
    }

    deinit { _ = close(descriptor) }

    /// All that was written to it.
    borrowing func contents() throws(SystemError) -> [UInt8] {
        let size = lseek(descriptor, 0, SEEK_END)
        if size < 0 { throw SystemError("lseek in a memory file", Errno(errno)) }
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + filled }, size - filled, filled)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("pread from a memory file", Errno(errno))
            }
            if count == 0 { break }
            filled += count
        }
        bytes.removeSubrange(filled...)
        return bytes
    }
}
