import Glibc
import Kernel

/// Plugins of a daemon that was killed: they know nothing of its end, and would go on to make what is just being
/// undone.
enum StrayPlugins {
    /// What the environment of a plugin, and of what it starts, has beside the protocol's: the record's path.
    static let mark = "APUS_NETWORK_RECORD="

    /// Kills all processes that were started on behalf of these records, and waits for their ends, five seconds at most.
    ///
    /// - Parameter records: paths.
    static func kill(of records: Set<String>) {
        guard !records.isEmpty, let names = try? FileTree.list("/proc") else { return }
        for name in names {
            // The process first: its number may be another's after that.
            guard let pid = Int32(name), pid != ProcessControl.ownPID,
                let process = try? ProcessControl.open(pid: pid),
                let bytes = try? FileTree.read("/proc/\(pid)/environ"), isPlugin(bytes, of: records)
            else { continue }
            try? ProcessControl.signal(process, SIGKILL)
            _ = try? Poll.readable([process.number], timeout: 5000)
        }
    }

    /// Whether an environment as in procfs is that of a plugin for one of these records.
    static func isPlugin(_ environment: [UInt8], of records: Set<String>) -> Bool {
        let mark = Array(mark.utf8)
        return environment.split(separator: 0).contains { entry in
            entry.starts(with: mark)
                && records.contains(String(decoding: entry.dropFirst(mark.count), as: UTF8.self))
        }
    }
}
