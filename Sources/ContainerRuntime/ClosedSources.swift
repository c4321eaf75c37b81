import Glibc
import Kernel
import OCISpec

extension Config {
    /// The sources of bind mounts below directories that not everybody may search. To the root of a user namespace
    /// they are closed where their owner is nobody there; engines keep a container's files in such directories.
    ///
    /// - Returns: none on a kernel that cannot change a mount before it is attached.
    func closedSources() -> Set<String> {
        guard namespace(.user) != nil, MountTree.canMapIDs else { return [] }
        var known: [Substring: Bool] = [:]
        func isOpen(_ directory: Substring) -> Bool {
            if let answer = known[directory] { return answer }
            let status = try? FileTree.status(directory.isEmpty ? "/" : String(directory))
            let answer =
                status.map { $0.mode & S_IXOTH != 0 } ?? true
                && (directory.isEmpty || isOpen(Self.parent(of: directory)))
            known[directory] = answer
            return answer
        }
        var closed: Set<String> = []
        for mount in mounts where mount.isBind {
            // Of a source that is not there the stage tells.
            guard let source = mount.source, let path = try? FileTree.canonical(source) else { continue }
            if !isOpen(Self.parent(of: path[...])) { closed.insert(source) }
        }
        return closed
    }

    /// Of an absolute path; empty for one in the root directory.
    private static func parent(of path: Substring) -> Substring {
        path[..<(path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
    }
}
