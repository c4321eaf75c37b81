import Diagnosis
import Kernel
import OCISpec

/// What tells a container's processes from all others where no cgroup holds them together, and their pid namespace
/// is shared: a namespace that is theirs alone, known by something that no later one can have. The number of its file
/// does not do, as the kernel gives it again.
enum NamespaceMark: Equatable, Sendable {
    /// The user namespace with these lines in its map of project IDs (user_namespaces(7)), and those below it.
    ///
    /// The map can be written once, by anybody, and what it says has no effect on a container: project IDs are
    /// changed from the initial user namespace only. So these random numbers stay with the namespace.
    case projectIDs([UInt32])
    /// The mount namespace with this number, where there is no user namespace to mark.
    case mountNamespace(UInt64)

    /// Marks the user namespace of a process.
    ///
    /// - Returns: `nil` where the caller's own namespace has no project IDs to give.
    static func mark(userNamespaceOf pid: Int32) -> NamespaceMark? {
        // One in each quarter, so that they cannot be the same; together as many as 116 bits.
        let numbers = (0..<4).map { (quarter: UInt32) in quarter << 29 | UInt32.random(in: 0..<1 << 29) }
        guard (try? FileTree.write(map(numbers), to: "/proc/\(pid)/projid_map")) != nil else { return nil }
        return .projectIDs(numbers)
    }

    private static func map(_ numbers: [UInt32]) -> String {
        numbers.enumerated().map { "\($0) \($1) 1\n" }.joined()
    }

    /// The mark that the mount namespace of a process has by itself.
    ///
    /// - Returns: `nil` before Linux 6.11.
    static func find(mountNamespaceOf pid: Int32) -> NamespaceMark? {
        mountNamespaceID(pid).map { .mountNamespace($0) }
    }

    private static func mountNamespaceID(_ pid: Int32) -> UInt64? {
        guard let file = try? NamespaceFile.open("mnt", ofProcess: pid) else { return nil }
        return try? NamespaceFile.uniqueID(ofMountNamespace: file)
    }

    /// The processes that have it and have not ended.
    func pids() throws(SystemError) -> [Int32] {
        let all = try FileTree.list("/proc").compactMap { Int32($0) }
        switch self {
        case .mountNamespace(let id):
            return all.filter { Self.isAlive($0) && Self.mountNamespaceID($0) == id }
        case .projectIDs(let numbers):
            // Shown with blanks to the kernel's taste.
            let map = Self.map(numbers).split { $0 == " " || $0 == "\n" }
            return UserNamespaces(of: all.filter(Self.isAlive)).processes {
                $0.split { $0 == " " || $0 == "\n" } == map
            }
        }
    }

    private static func isAlive(_ pid: Int32) -> Bool {
        (try? ProcessRecord(pid: pid)).map { !$0.isDead } ?? false
    }
}

/// The user namespaces of processes, held open, so that their numbers mean the same all the while.
private struct UserNamespaces {
    private final class Entry {
        let file: FileDescriptor
        var pids: [Int32]

        init(_ file: consuming FileDescriptor, _ pid: Int32) {
            self.file = file
            pids = [pid]
        }
    }

    private var entries: [UInt64: Entry] = [:]

    init(of pids: [Int32]) {
        for pid in pids {
            // Who may not look at a process cannot be the one who has made its container.
            guard let file = try? NamespaceFile.open("user", ofProcess: pid), let inode = Self.inode(file)
            else {
                continue
            }
            if let known = entries[inode] {
                known.pids.append(pid)
            } else {
                entries[inode] = Entry(file, pid)
            }
        }
    }

    /// The processes in the namespace whose map of project IDs is the one, and in those below it. That may have no
    /// process of its own any more.
    func processes(isMarked: (String) -> Bool) -> [Int32] {
        entries.values.filter { isInside($0.file, depth: 0, isMarked) }.flatMap(\.pids)
    }

    private func isInside(_ file: borrowing FileDescriptor, depth: Int, _ isMarked: (String) -> Bool) -> Bool
    {
        // The caller's own, at the latest, has no parent that may be looked at: none is marked from there on up.
        guard let parent = try? NamespaceFile.parent(of: file), depth < 32 else { return false }
        if let map = try? NamespaceFile.projectIDMap(of: file), isMarked(map) { return true }
        return isInside(parent, depth: depth + 1, isMarked)
    }

    private static func inode(_ file: borrowing FileDescriptor) -> UInt64? {
        try? file.status(name: "a namespace").inode
    }
}
