import Diagnosis
import Glibc
import Kernel

/// Removes trees of any depth and width, with two descriptors, no recursion and little memory: directories in a directory
/// are moved up into a scratch directory before it is removed itself, and what is in there is removed until it is empty.
/// Whatever a killed removal leaves in there is removed by the next.
struct TreeRemoval {
    /// Where directories are moved: on the same file system, and with nothing in it that is to stay.
    let scratch: Int32
    private let goesOn: Bool
    /// Why something could not be removed, the first of them.
    private(set) var failure: SystemError?
    private var count = 0
    private let prefix = String(UInt64.random(in: 0 ... .max), radix: 36)

    /// - Parameter goesOn: whether the rest is removed when something cannot be, which then is in ``failure`` and is not
    ///   thrown.
    init(scratch: Int32, goesOn: Bool = false) {
        self.scratch = scratch
        self.goesOn = goesOn
    }

    /// Removes what is there under that name; nothing is not an error.
    ///
    /// - Parameter forget: told of every file and directory before it goes.
    mutating func remove(
        _ name: RawPath, in directory: Int32, forget: ((FileStatus) -> Void)? = nil
    ) throws(SystemError) {
        let before = count
        try attempt { (removal: inout TreeRemoval) throws(SystemError) in
            try removal.discard(name, in: directory, forget)
        }
        if count > before { try removeAll(forget: forget) }
    }

    /// Removes all that is in the scratch directory. What cannot be removed is tried at each pass: there are as many as
    /// the trees are deep.
    mutating func removeAll(forget: ((FileStatus) -> Void)? = nil) throws(SystemError) {
        var isGettingOn = true
        while isGettingOn {
            isGettingOn = false
            failure = nil
            var reader = try DirectoryReader(scratch)
            while let item = try reader.next() {
                let before = count
                let isRemoved = try attempt { (removal: inout TreeRemoval) throws(SystemError) in
                    try removal.removeMoved(item.name, forget)
                }
                if isRemoved || count > before { isGettingOn = true }
            }
        }
    }

    /// - Returns: whether it worked. If not, that is noted, or thrown.
    @discardableResult
    private mutating func attempt(
        _ body: (inout TreeRemoval) throws(SystemError) -> Void
    ) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try body(&self)
            return true
        } catch {
            guard goesOn else { throw error }
            if failure == nil { failure = error }
            return false
        }
    }

    /// Removes something in the scratch directory, with the directories in it moved beside it.
    private mutating func removeMoved(
        _ name: RawPath, _ forget: ((FileStatus) -> Void)?
    ) throws(SystemError) {
        let directory: OpenDirectory
        do throws(SystemError) {
            directory = OpenDirectory(try Entry.open(name, O_RDONLY | O_DIRECTORY, in: scratch))
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.errno.rawValue) {
            return try unlink(name, in: scratch)
        }
        while true {
            var isGettingOn = false
            var reader = try DirectoryReader(directory.number)
            while let item = try reader.next() {
                let isGone = try attempt { (removal: inout TreeRemoval) throws(SystemError) in
                    try removal.discard(item.name, in: directory.number, forget)
                }
                if isGone { isGettingOn = true }
            }
            do throws(SystemError) {
                return try removeDirectory(name, in: scratch)
            } catch  where error.errno == Errno(ENOTEMPTY) || error.errno == Errno(EEXIST) {
                // Some file systems pass over names while others are removed.
                guard isGettingOn else { throw error }
            }
        }
    }

    /// Removes a file or an empty directory, or moves a directory away.
    private mutating func discard(
        _ name: RawPath, in directory: Int32, _ forget: ((FileStatus) -> Void)?
    ) throws(SystemError) {
        if let forget, let status = try? Entry.status(name, in: directory) { forget(status) }
        do throws(SystemError) {
            return try unlink(name, in: directory)
        } catch  where error.errno == Errno(EISDIR) {
            // A directory.
        }
        do throws(SystemError) {
            return try removeDirectory(name, in: directory)
        } catch  where error.errno == Errno(ENOTEMPTY) || error.errno == Errno(EEXIST) {
            // One with something in it.
        }
        let moved = RawPath("\(prefix)-\(count + 1)")
        try unflagged(name, in: directory) { () throws(SystemError) in
            try Entry.rename(name, in: directory, to: moved, in: scratch)
        }
        count += 1
    }

    private func unlink(_ name: RawPath, in directory: Int32) throws(SystemError) {
        try unflagged(name, in: directory) { () throws(SystemError) in try Entry.unlink(name, in: directory) }
    }

    private func removeDirectory(_ name: RawPath, in directory: Int32) throws(SystemError) {
        try unflagged(name, in: directory) { () throws(SystemError) in
            try Entry.removeDirectory(name, in: directory)
        }
    }

    /// Does `body`; if it is not permitted, once more without the flags that forbid it, of the entry and of the directory
    /// that it is in (chattr(1), `+i` and `+a`). An entry that is not there is no error.
    private func unflagged(
        _ name: RawPath, in directory: Int32, _ body: () throws(SystemError) -> Void
    ) throws(SystemError) {
        do throws(SystemError) {
            return try body()
        } catch {
            // Somebody else was as quick.
            if error.errno == Errno(ENOENT) { return }
            guard error.errno == Errno(EPERM) else { throw error }
            let isParentFree = Self.clearFlags(of: directory)
            guard Self.clearFlags(of: name, in: directory) || isParentFree else { throw error }
        }
        do throws(SystemError) {
            try body()
        } catch  where error.errno == Errno(ENOENT) {}
    }

    private static func clearFlags(of name: RawPath, in directory: Int32) -> Bool {
        // Nothing else has flags, and to open some of it would do something.
        guard let status = try? Entry.status(name, in: directory), status.isRegular || status.isDirectory,
            let file = try? Entry.open(name, O_RDONLY | O_NONBLOCK, in: directory)
        else { return false }
        return clearFlags(of: file.number)
    }

    /// - Returns: whether there were such flags, and are no more.
    private static func clearFlags(of file: Int32) -> Bool {
        guard let flags = try? FileFlags(of: file), !flags.isDisjoint(with: [.immutable, .appendOnly]) else {
            return false
        }
        do throws(SystemError) {
            try flags.subtracting([.immutable, .appendOnly]).set(on: file)
            return true
        } catch {
            return false
        }
    }
}
