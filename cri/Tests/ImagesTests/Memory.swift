import Foundation
import Kernel

/// What memory this process takes (proc(5), `VmHWM`).
enum Memory {
    /// Forgets what it has taken at most.
    ///
    /// - Returns: what it takes now, in bytes.
    static func restartPeak() throws -> Int {
        try FileDescriptor.open("/proc/self/clear_refs", O_WRONLY).write("5")
        return try peak()
    }

    /// What it has taken at most since, in bytes.
    static func peak() throws -> Int {
        let status = String(decoding: try FileTree.read("/proc/self/status"), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
}
