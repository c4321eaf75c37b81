import CKernel
import Diagnosis
import Glibc

/// Waiting for descriptors.
public enum Poll {
    /// poll(2): which of the descriptors can be read from or have ended.
    ///
    /// - Parameter timeout: milliseconds; `nil` waits for ever.
    /// - Returns: in the order of `descriptors`; all `false` when the time is up.
    public static func readable(_ descriptors: [Int32], timeout: Int?) throws(SystemError) -> [Bool] {
        try wait(descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }, timeout: timeout)
    }

    /// poll(2): which of some files the kernel has changed since they were last read, and which of the
    /// descriptors can be read from.
    ///
    /// Files of kernfs can always be read; that there is something new in one is an exceptional condition
    /// (cgroup-v2.rst, "[Un]populated Notification").
    /// - Parameter timeout: milliseconds; `nil` waits for ever.
    /// - Returns: in the order of `changed` and then `readable`; all `false` when the time is up.
    public static func changed(
        _ changed: [Int32], orReadable readable: [Int32] = [], timeout: Int?
    ) throws(SystemError) -> [Bool] {
        try wait(
            changed.map { pollfd(fd: $0, events: Int16(POLLPRI), revents: 0) }
                + readable.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) },
            timeout: timeout)
    }

    private static func wait(_ entries: [pollfd], timeout: Int?) throws(SystemError) -> [Bool] {
        var entries = entries
        let deadline = timeout.map { now() + $0 }
        while true {
            let left = deadline.map { max(0, $0 - now()) }
            let wait = left.map { Int32(min($0, Int(Int32.max))) } ?? -1
            if poll(&entries, nfds_t(entries.count), wait) >= 0 { break }
            if errno != EINTR { throw SystemError("poll", Errno(errno)) }
        }
        return entries.map { $0.revents != 0 }
    }

    /// Milliseconds of CLOCK_MONOTONIC.
    public static func now() -> Int {
        Int(MonotonicClock.now() / 1_000_000)
    }
}

/// An anonymous pipe.
public struct Pipe: ~Copyable {
    let readEnd: FileDescriptor
    let writeEnd: FileDescriptor

    public var writeNumber: Int32 { writeEnd.number }

    /// The end to read from; the other is closed.
    public consuming func takeReadEnd() -> FileDescriptor { readEnd }

    /// pipe2(2).
    public static func make() throws(SystemError) -> Pipe {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try system("pipe") {
            withUnsafeMutableBytes(of: &ends) {
                apus_pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self))
            }
        }
        return Pipe(readEnd: FileDescriptor(owning: ends.0), writeEnd: FileDescriptor(owning: ends.1))
    }
}
