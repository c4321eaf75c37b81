import Diagnosis
import Glibc
import Kernel

/// The descriptors from 3 on that a container's process gets from the runtime's caller.
enum PreservedDescriptors {
    /// Makes sure that they are open, and that no other descriptor gets as far as the process.
    static func prepare(_ count: Int) throws(Failure) {
        guard count >= 0, count <= 32 else {
            throw Failure(
                .option("--preserve-fds"), reason: "\(count): at most 32 descriptors can be passed on")
        }
        for number in 0..<count where !ProcessControl.isInherited(Int32(3 + number)) {
            throw Failure(
                .option("--preserve-fds"), errno: Errno(EBADF),
                reason: "unable to stat preserved-fd \(number) (of \(count))")
        }
        try Failure.blaming { () throws(SystemError) in
            try ProcessControl.closeOnExec(from: Int32(3 + count))
        }
    }
}
