import CKernel
import Diagnosis
import Glibc

/// All signals of this process, taken off a descriptor one by one (signalfd(2)) in place of being delivered.
public struct SignalQueue: ~Copyable {
    public let descriptor: FileDescriptor

    /// Blocks every signal that can be blocked, for the rest of the process's life.
    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try system("signalfd") { apus_signalfd_all() })
    }

    /// The next signal; waits for one.
    public func next() throws(SystemError) -> Int32 {
        let number = descriptor.number
        return try system("read signals") { apus_signalfd_next(number) }
    }
}
