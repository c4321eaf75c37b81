import Diagnosis
import Kernel

/// Learns that processes of a container were killed for want of memory: by the key `oom_kill` of memory.events
/// (cgroup-v2.rst, "Memory Interface Files").
public struct OutOfMemoryWatch: ~Copyable {
    private let file: WatchedFile?
    private var count: UInt64 = 0
    private var isGone = false

    /// What was before is not told of. Without the memory controller nothing is.
    public init(_ cgroup: ContainerCgroup) {
        guard let unified = cgroup.unified, let file = try? WatchedFile(unified.file("memory.events")) else {
            file = nil
            return
        }
        count = Self.count(file) ?? 0
        self.file = consume file
    }

    /// For ``Poll/changed(_:orReadable:timeout:)``.
    public var descriptors: [Int32] {
        switch file {
        // What is gone would be ready for ever.
        case .some(let file): isGone ? [] : [file.number]
        case .none: []
        }
    }

    /// Whether it has happened since this was last asked.
    public mutating func hasHappened() -> Bool {
        let now: UInt64?
        switch file {
        case .some(let file): now = Self.count(file)
        case .none: now = nil
        }
        isGone = now == nil
        guard let now, now > count else { return false }
        count = now
        return true
    }

    /// `nil` if the cgroup is gone.
    private static func count(_ file: borrowing WatchedFile) -> UInt64? {
        do throws(SystemError) {
            return try file.value(of: "oom_kill")
        } catch {
            return nil
        }
    }
}
