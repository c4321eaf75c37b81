import Diagnosis
import Glibc
import Kernel

/// A "flat keyed" file of a cgroup whose changes the kernel announces, such as `cgroup.events`
/// (cgroup-v2.rst, "Format" and "[Un]populated Notification").
public struct WatchedFile: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    private let path: String

    /// - Throws: ENOENT if there is no such cgroup, or its controller is not enabled.
    public init(_ path: String) throws(SystemError) {
        self.path = path
        descriptor = try FileDescriptor.open(path, O_RDONLY)
    }

    /// For ``Poll/changed(_:orReadable:timeout:)``: ready when the file has changed since it was last read.
    public var number: Int32 { descriptor.number }

    /// What a key has now; `nil` if there is no such key.
    ///
    /// - Throws: ENODEV if the cgroup is gone.
    public func value(of key: String) throws(SystemError) -> UInt64? {
        let text = String(decoding: try descriptor.readAnew(1024, name: path), as: UTF8.self)
        return CoreFile.value(of: key, in: text).flatMap { UInt64($0) }
    }

    /// Waits until a key has a value.
    ///
    /// - Parameter limit: milliseconds.
    /// - Returns: whether it has it.
    func wait(for key: String, _ wanted: UInt64, within limit: Int) throws(SystemError) -> Bool {
        let deadline = Poll.now() + limit
        while try value(of: key) != wanted {
            let left = deadline - Poll.now()
            if left <= 0 { return false }
            _ = try Poll.changed([number], timeout: left)
        }
        return true
    }
}
