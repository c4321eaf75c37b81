import Diagnosis
import Glibc
import Kernel

/// Removes trees of any depth, with one descriptor and no recursion: directories in a directory are moved up into a
/// scratch directory before it is removed itself. Whatever a killed removal leaves in there is removed by the next.
struct TreeRemoval {
    /// Where directories are moved: on the same file system, and with nothing in it that is to stay.
    let scratch: Int32
    private var count = 0
    private let prefix = String(UInt64.random(in: 0 ... .max), radix: 36)

    init(scratch: Int32) { self.scratch = scratch }

    /// Removes what is there under that name; nothing is not an error.
    ///
    /// - Parameter forget: told of every file and directory before it goes.
    mutating func remove(
        _ name: RawPath, in directory: Int32, forget: ((FileStatus) -> Void)? = nil
    ) throws(SystemError) {
        var waiting: [RawPath] = []
        try discard(name, in: directory, forget, &waiting)
        while let next = waiting.popLast() {
            guard let names = try list(next) else { continue }
            for entry in names.entries {
                try discard(entry, in: names.directory.number, forget, &waiting)
            }
            try ignoringAbsence { () throws(SystemError) in try Entry.removeDirectory(next, in: scratch) }
        }
    }

    private mutating func discard(
        _ name: RawPath, in directory: Int32, _ forget: ((FileStatus) -> Void)?, _ waiting: inout [RawPath]
    ) throws(SystemError) {
        if let forget, let status = try? Entry.status(name, in: directory) { forget(status) }
        do throws(SystemError) {
            try ignoringAbsence { () throws(SystemError) in try Entry.unlink(name, in: directory) }
            return
        } catch  where error.errno == Errno(EISDIR) || error.errno == Errno(EPERM) {
            // A directory.
        }
        do throws(SystemError) {
            return try ignoringAbsence { () throws(SystemError) in
                try Entry.removeDirectory(name, in: directory)
            }
        } catch  where error.errno == Errno(ENOTEMPTY) || error.errno == Errno(EEXIST) {
            // One with something in it.
        }
        count += 1
        let moved = RawPath("\(prefix)-\(count)")
        try ignoringAbsence { () throws(SystemError) in
            try Entry.rename(name, in: directory, to: moved, in: scratch)
        }
        waiting.append(moved)
    }

    private func list(
        _ name: RawPath
    ) throws(SystemError) -> (directory: OpenDirectory, entries: [RawPath])? {
        do throws(SystemError) {
            let directory = OpenDirectory(try Entry.open(name, O_RDONLY | O_DIRECTORY, in: scratch))
            return (directory, try Entry.list(directory.number).map { $0.name })
        } catch  where error.errno == Errno(ENOENT) {
            return nil
        }
    }

    private func ignoringAbsence(_ body: () throws(SystemError) -> Void) throws(SystemError) {
        do throws(SystemError) {
            try body()
        } catch  where error.errno == Errno(ENOENT) {
            // Somebody else was as quick.
        }
    }
}
