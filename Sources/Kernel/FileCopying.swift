import CKernel
import Diagnosis
import Glibc

extension FileDescriptor {
    /// ioctl_ficlone(2): gives this file the content of another, which both share until one of them is written to.
    ///
    /// - Returns: whether that is done; not where the file system has no such thing, or the files are on two.
    public func clone(_ source: borrowing FileDescriptor, name: String = "file") throws(SystemError) -> Bool {
        do throws(SystemError) {
            _ = try system("clone \(name)") { apus_clone_file(number, source.number) }
            return true
        } catch  where [EOPNOTSUPP, ENOTTY, EINVAL, EXDEV, ENOSYS, EPERM].contains(error.errno.rawValue) {
            return false
        }
    }

    /// copy_file_range(2) of what is at an offset in another file to the same offset in this one; by reading and
    /// writing where the kernel cannot.
    ///
    /// - Returns: how many bytes were copied, `count` at most; 0 at the end of the other file.
    public func copy(
        _ source: borrowing FileDescriptor, at offset: Int64, count: Int, name: String = "file"
    ) throws(SystemError) -> Int {
        do throws(SystemError) {
            return try system("copy \(name)") { apus_copy_range(number, source.number, offset, count) }
        } catch  where [EOPNOTSUPP, EINVAL, EXDEV, ENOSYS, EPERM].contains(error.errno.rawValue) {
            let bytes = try source.read(min(count, 1 << 20), from: Int(offset), name: name)
            var failure: SystemError?
            bytes.withUnsafeBytes {
                do throws(SystemError) { try write($0, at: offset, name: name) } catch { failure = error }
            }
            if let failure { throw failure }
            return bytes.count
        }
    }

    /// The next bytes of a file that are no hole, from an offset on (lseek(2), SEEK_DATA and SEEK_HOLE); nil if all the
    /// rest is one. Where the file system knows of no holes, all is data.
    public func nextData(from offset: Int64, name: String = "file") throws(SystemError) -> Range<Int64>? {
        do throws(SystemError) {
            let start = try system("look for data in \(name)") { apus_seek_data(number, offset) }
            let end = try system("look for a hole in \(name)") { apus_seek_hole(number, start) }
            return start..<max(start, end)
        } catch  where error.errno == Errno(ENXIO) {
            return nil
        }
    }
}
