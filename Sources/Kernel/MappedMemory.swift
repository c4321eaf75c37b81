import Glibc

/// This process's own mappings.
public enum MappedMemory {
    /// Unmaps pages, which are mapped again as the file has them when they are used (madvise(2), `MADV_DONTNEED`).
    ///
    /// What the process has written to a private mapping is lost: the caller knows that nobody has. The kernel may
    /// decline, and then nothing changes.
    ///
    /// - Parameter range: addresses, from the start of a page to the end of one.
    public static func forgetPages(_ range: Range<UInt>) {
        _ = madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
    }
}
