/// The mounts of a process (proc_pid_mountinfo(5)), to tell which of them a path is on.
package struct MountTable: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        package var mountPoint: String
        /// `shared:` is there.
        package var isShared: Bool
        /// `master:` is there.
        package var isSlave: Bool
        package var superOptions: [String]
    }

    private var entries: [Entry] = []

    package init(_ mountinfo: String) {
        for line in mountinfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-"), fields.count > dash + 3
            else {
                continue
            }
            let tags = fields[6..<dash]
            entries.append(
                Entry(
                    mountPoint: Self.unescaped(fields[4]),
                    isShared: tags.contains { $0.hasPrefix("shared:") },
                    isSlave: tags.contains { $0.hasPrefix("master:") },
                    superOptions: fields[dash + 3].split(separator: ",").map(String.init)))
        }
    }

    /// The mount that an absolute path without links is on: the longest, and of those the uppermost.
    package func mount(of path: String) -> Entry? {
        var found: Entry?
        for entry in entries where Self.isBelow(path, entry.mountPoint) {
            if entry.mountPoint.utf8.count >= (found?.mountPoint.utf8.count ?? 0) { found = entry }
        }
        return found
    }

    private static func isBelow(_ path: String, _ root: String) -> Bool {
        root == "/" || path == root || path.hasPrefix(root + "/")
    }

    /// Spaces, tabs, line feeds and backslashes are written in octal.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = field.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(Substring(rest.prefix(3)), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
