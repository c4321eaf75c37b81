import CKernel
import Diagnosis
import Glibc

/// Anonymous files that nobody can change any more.
public enum MemoryFile {
    /// An empty memfd.
    public static func plain(_ name: String) throws(SystemError) -> FileDescriptor {
        try create(name, executable: false)
    }

    /// A memfd that holds `bytes`, to be read from its beginning.
    public static func readable(_ name: String, _ bytes: [UInt8]) throws(SystemError) -> FileDescriptor {
        let file = try create(name, executable: false)
        try file.writeAll(bytes, name: name)
        let number = file.number
        _ = try system("rewind \(name)") { lseek(number, 0, SEEK_SET) }
        return file
    }

    /// A memfd that holds `bytes` and is sealed against every change.
    ///
    /// - Parameter executable: whether it is to be exec'd. Linux 6.3 and up want to be told; older kernels
    ///   do not know the flags and are asked again without.
    /// - Throws: EACCES where `vm.memfd_noexec` forbids executable ones.
    public static func sealed(
        _ name: String, _ bytes: [UInt8], executable: Bool = false
    ) throws(SystemError) -> FileDescriptor {
        let file = try create(name, executable: executable)
        try file.writeAll(bytes, name: name)
        try seal(file, name)
        return file
    }

    /// As ``sealed(_:_:executable:)`` for an image kept as 64-bit words, of which the last may be padding.
    public static func sealed(
        _ name: String, words: [UInt64], size: Int, executable: Bool
    ) throws(SystemError) -> FileDescriptor {
        let file = try create(name, executable: executable)
        try write(words: words, size: size, to: file, name)
        try seal(file, name)
        return file
    }

    static func write(
        words: [UInt64], size: Int, to file: borrowing FileDescriptor, _ name: String
    ) throws(SystemError) {
        let number = file.number
        var offset = 0
        while offset < size {
            offset += try system("write \(name)") {
                words.withUnsafeBytes {
                    Glibc.write(number, $0.baseAddress! + offset, min($0.count, size) - offset)
                }
            }
        }
    }

    private static func create(_ name: String, executable: Bool) throws(SystemError) -> FileDescriptor {
        let flags = UInt32(MFD_CLOEXEC | MFD_ALLOW_SEALING)
        let mode = UInt32(executable ? MFD_EXEC : MFD_NOEXEC_SEAL)
        var number = apus_memfd_create(name, flags | mode)
        if number < 0 && errno == EINVAL { number = apus_memfd_create(name, flags) }
        if number < 0 { throw SystemError("memfd_create \(name)", Errno(errno)) }
        return FileDescriptor(owning: number)
    }

    private static func seal(_ file: borrowing FileDescriptor, _ name: String) throws(SystemError) {
        let seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
        let number = file.number
        _ = try system("seal \(name)") { fcntl(number, F_ADD_SEALS, seals) }
    }
}
