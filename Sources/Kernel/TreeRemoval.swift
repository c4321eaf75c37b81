import Diagnosis
import Glibc

extension FileTree {
    /// Removes a directory with all that is in it; one that is not there is no error. Goes by names: for directories that
    /// nobody else writes to.
    ///
    /// - Throws: EBUSY for whatever is mounted in it, of which nothing is touched.
    public static func removeTree(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            try removeTree(path, device: statusOfLink(path).device)
        } catch  where error.errno == Errno(ENOENT) {
            return
        }
    }

    private static func removeTree(_ path: String, device: UInt64) throws(SystemError) {
        let status = try statusOfLink(path)
        guard status.device == device else { throw SystemError("remove \(path)", Errno(EBUSY)) }
        guard status.isDirectory else { return try unlink(path) }
        for name in try list(path) { try removeTree("\(path)/\(name)", device: device) }
        try removeDirectory(path)
    }
}
