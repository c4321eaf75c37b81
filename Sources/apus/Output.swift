import Diagnosis
import Glibc

/// Writing to the descriptors that a program starts with, and to the log.
enum Output {
    static let standardOutput: Int32 = 1
    static let standardError: Int32 = 2

    /// Prints a command's result.
    static func print(_ text: String) throws(Failure) {
        try Failure.blaming { () throws(SystemError) in try write(text, to: standardOutput) }
    }

    /// Writes the whole of a text.
    ///
    /// A pipe that nobody reads is an error (`EPIPE`), not the end of the program: that could come in the
    /// middle of setting up a container. SIGPIPE is held back for as long as the call takes; ignoring it
    /// for good would be inherited by hooks and by the container.
    static func write(_ text: String, to descriptor: Int32) throws(SystemError) {
        var pipe = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        let failure = writeAll(text, to: descriptor)
        // One that was held back before belongs to whoever held it back; such signals do not add up.
        if failure == EPIPE && sigismember(&before, SIGPIPE) == 0 {
            var now = timespec()
            _ = sigtimedwait(&pipe, nil, &now)
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        if failure != 0 { throw SystemError("write to \(name(descriptor))", Errno(failure)) }
    }

    /// The error number of the write that failed, or 0.
    private static func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            var written = 0
            while written < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[written...])
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count > 0 {
                    written += count
                } else if count == 0 {
                    return EIO
                } else if errno != EINTR {
                    return errno
                }
            }
            return 0
        }
    }

    private static func name(_ descriptor: Int32) -> String {
        switch descriptor {
        case standardOutput: "standard output"
        case standardError: "standard error"
        default: "descriptor \(descriptor)"
        }
    }
}
