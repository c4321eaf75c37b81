import CKernel
import Diagnosis
import Glibc

extension FileDescriptor {
    /// pwrite(2) until everything is written.
    public func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int64, name: String = "file"
    ) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let written = try system("write \(name)") {
                pwrite(number, bytes.baseAddress.map { $0 + done }, bytes.count - done, Int(offset) + done)
            }
            done += written
        }
    }

    /// ftruncate(2).
    public func truncate(to size: Int64, name: String = "file") throws(SystemError) {
        _ = try system("truncate \(name)") { ftruncate(number, Int(size)) }
    }

    /// futimens(3): both times to this one.
    public func setTimes(_ time: Timestamp, name: String = "file") throws(SystemError) {
        let times = [timespec](repeating: timespec(time), count: 2)
        _ = try system("set the times of \(name)") { futimens(number, times) }
    }

    /// syncfs(2): all of the file system that it is on.
    public func synchronizeFileSystem(name: String = "file") throws(SystemError) {
        _ = try system("sync the file system of \(name)") { apus_syncfs(number) }
    }
}
