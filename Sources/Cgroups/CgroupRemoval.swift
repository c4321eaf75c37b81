import Diagnosis
import Glibc
import Kernel

extension Cgroup {
    /// Removes the cgroup and all below it. Nothing happens if it is gone.
    ///
    /// Processes that are about to end keep a cgroup busy: they are waited for, some microseconds at first, five
    /// seconds in all.
    public func remove() throws(Failure) {
        var wait: UInt32 = 20
        var waited: UInt32 = 0
        while true {
            do throws(SystemError) {
                return try removeOnce()
            } catch  where error.errno == Errno(EBUSY) && waited < 5_000_000 {
                usleep(wait)
                waited += wait
                wait = min(wait * 2, 50_000)
            } catch {
                var failure = Failure(.runtime, error)
                if error.errno == Errno(EBUSY), let pids = try? pids(), !pids.isEmpty {
                    let shown = pids.prefix(8).map(String.init).joined(separator: ", ")
                    failure.reason = "\(pids.count) process(es) remain: \(shown)"
                    failure.remedy = "kill them first"
                }
                throw failure
            }
        }
    }

    /// Bottom-up. Children are one reason for EBUSY: a container's own service manager leaves some.
    private func removeOnce() throws(SystemError) {
        do throws(SystemError) {
            return try FileTree.removeDirectory(path)
        } catch {
            // A read-only tree is refused before it is asked whether there is anything to remove.
            if error.isAbsence || !FileTree.exists(path) { return }
            guard error.errno == Errno(EBUSY) else { throw error }
            let children = (try? children()) ?? []
            if children.isEmpty { throw error }
            for child in children { try child.removeOnce() }
        }
        do throws(SystemError) {
            try FileTree.removeDirectory(path)
        } catch  where error.isAbsence {
            // Somebody else was as quick.
        }
    }
}
