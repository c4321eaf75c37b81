import CMalloc
import Glibc
import Kernel

/// How much memory the daemon keeps.
enum ProcessMemory {
    /// When nothing has changed for this long, the daemon gives back what its work took: soon enough for whoever looks
    /// after a burst of pods, and not between the calls of one.
    static let patience = Duration.seconds(2)

    /// Two arenas in place of eight for each processor, each of which would keep its own free memory; and what is free
    /// at the end of one goes back to the kernel from 256 KiB on.
    static func keepSmall() {
        _ = mallopt(M_ARENA_MAX, 2)
        _ = mallopt(M_TRIM_THRESHOLD, 256 << 10)
    }

    /// Gives back what is free between allocations, and unmaps the pages of code and constants that were read: they
    /// stay in the page cache, and what is needed is mapped again when it is. A start, or the life of a pod, runs
    /// through three times the code that answering kubelet's questions takes.
    static func shrink() {
        _ = malloc_trim(0)
        guard let smaps = try? FileTree.readText("/proc/self/smaps") else { return }
        for range in mappingsAsInTheirFiles(smaps) { MappedMemory.forgetPages(range) }
    }

    /// Where files are mapped without being writable, by the text of /proc/PID/smaps (proc_pid_smaps(5)): the
    /// executable and its libraries.
    ///
    /// Only what has no page of the process's own: one that the dynamic linker, a debugger or a uprobe wrote to would
    /// be lost (madvise(2), `MADV_DONTNEED`).
    static func mappingsAsInTheirFiles(_ smaps: String) -> [Range<UInt>] {
        var found: [Range<UInt>] = []
        var candidate: Range<UInt>?
        for line in smaps.split(separator: "\n") {
            // Addresses, permissions, offset, device, inode, path.
            let fields = line.split(separator: " ", maxSplits: 5)
            if let range = addresses(fields.first) {
                let isFile = fields.count == 6 && fields[4] != "0"
                candidate = isFile && ["r-xp", "r--p"].contains(fields[1]) ? range : nil
            } else if fields.first == "Anonymous:", let range = candidate {
                if fields.count > 1, fields[1] == "0" { found.append(range) }
                candidate = nil
            }
        }
        return found
    }

    /// `7f00-7f10`, in hexadecimal digits.
    private static func addresses(_ field: Substring?) -> Range<UInt>? {
        guard let bounds = field?.split(separator: "-"), bounds.count == 2,
            let start = UInt(bounds[0], radix: 16), let end = UInt(bounds[1], radix: 16), start < end
        else { return nil }
        return start..<end
    }
}
