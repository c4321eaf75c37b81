import Diagnosis
import Kernel
import MonitorProtocol

extension MonitorFailure {
    /// Does `body`; what the kernel refuses in it is the failure.
    static func blaming<Result: ~Copyable>(
        _ body: () throws(SystemError) -> Result
    ) throws(MonitorFailure) -> Result {
        do throws(SystemError) {
            return try body()
        } catch {
            throw MonitorFailure(.system, error.description, errno: error.errno.rawValue)
        }
    }

    /// Removes what may be left of an earlier attempt.
    static func removing(_ path: String) throws(MonitorFailure) {
        do throws(SystemError) {
            try FileTree.unlink(path)
        } catch  where error.errno == Errno(2) {
            // Nothing is.
        } catch {
            throw MonitorFailure(.system, error.description, errno: error.errno.rawValue)
        }
    }
}
