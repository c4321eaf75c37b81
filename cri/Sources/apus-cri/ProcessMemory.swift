import CMalloc
import Glibc
import Kernel

/// How much memory the daemon keeps.
enum ProcessMemory {
    /// Two arenas in place of eight for each processor, each of which would keep its own free memory; and what is free
    /// at the end of one goes back to the kernel from 256 KiB on.
    static func keepSmall() {
        _ = mallopt(M_ARENA_MAX, 2)
        _ = mallopt(M_TRIM_THRESHOLD, 256 << 10)
    }

    /// Unmaps the pages of code and constants that the start has read, much more of them than calls need: they stay in the
    /// page cache, and what is needed is mapped again when it is.
    static func forgetStart() {
        guard let executable = try? FileTree.readLink("/proc/self/exe"),
            let mappings = try? FileTree.readText("/proc/self/maps")
        else { return }
        // Only what nobody can have written to: a private page that was would be lost (madvise(2), MADV_DONTNEED).
        for line in mappings.split(separator: "\n") where line.hasSuffix(executable) {
            let fields = line.split(separator: " ", maxSplits: 2)
            guard fields.count == 3, fields[1] == "r-xp" else { continue }
            let range = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard range.count == 2, range[0] < range[1] else { continue }
            _ = madvise(
                UnsafeMutableRawPointer(bitPattern: range[0]), Int(range[1] - range[0]), MADV_DONTNEED)
        }
    }
}
