import CKernel
import Diagnosis
import Glibc

/// The one place where a system call's answer becomes an error.
///
/// Interrupted calls are made again: no caller of this module wants to see EINTR.
///
/// - Parameter doing: what the call is for and its objects, made only if it fails.
@inline(__always)
func system<Result: SignedInteger>(
    _ doing: @autoclosure () -> String, _ call: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        let error = errno
        if error != EINTR { throw SystemError(doing(), Errno(error)) }
    }
}

/// As ``system(_:_:)`` for a raw system call, which answers with a negative error number.
@inline(__always)
func raw(_ doing: @autoclosure () -> String, _ call: () -> Int) throws(SystemError) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        if result != -Int(EINTR) { throw SystemError(doing(), Errno(Int32(-result))) }
    }
}
