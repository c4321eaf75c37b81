import Diagnosis
import Kernel

/// Learns that processes of a container were killed for want of memory.
public struct OutOfMemoryWatch {
    private let unified: UnifiedOutOfMemory?
    private let legacy: LegacyOutOfMemory?

    /// What was before is not told of. Without the memory controller nothing is.
    public init(_ cgroup: ContainerCgroup) {
        if let directory = cgroup.paths["memory"], let watch = try? OutOfMemoryWatch(legacyMemory: directory)
        {
            self = watch
            return
        }
        legacy = nil
        unified = cgroup.unified.flatMap { try? UnifiedOutOfMemory(directory: $0.path) }
    }

    /// - Parameter directory: of cgroup v1's memory controller.
    init(legacyMemory directory: String) throws(SystemError) {
        unified = nil
        legacy = try LegacyOutOfMemory(directory: directory)
    }

    /// Waits until something may have happened, one of the descriptors `others` can be read from, or the time is up.
    ///
    /// - Parameter timeout: milliseconds.
    /// - Returns: which of `others`.
    public func wait(orReadable others: [Int32], timeout: Int) throws(SystemError) -> [Bool] {
        let changing = unified?.descriptor.map { [$0] } ?? []
        let counting = legacy.map { [$0.descriptor] } ?? []
        let ready = try Poll.changed(changing, orReadable: others + counting, timeout: timeout)
        return Array(ready[changing.count..<(changing.count + others.count)])
    }

    /// Whether it has happened since this was last asked.
    public func hasHappened() -> Bool {
        unified?.hasHappened() ?? legacy?.hasHappened() ?? false
    }
}

/// cgroup v2: the key `oom_kill` of memory.events (cgroup-v2.rst, "Memory Interface Files").
private final class UnifiedOutOfMemory {
    private let file: WatchedFile
    private var count: UInt64
    private var isGone = false

    init(directory: String) throws(SystemError) {
        file = try WatchedFile("\(directory)/memory.events")
        count = try file.value(of: "oom_kill") ?? 0
    }

    /// A file that is gone would be ready for ever.
    var descriptor: Int32? { isGone ? nil : file.number }

    func hasHappened() -> Bool {
        guard let now = try? file.value(of: "oom_kill") else {
            isGone = true
            return false
        }
        defer { count = now }
        return now > count
    }
}

/// cgroup v1: an event counter that is registered for memory.oom_control (cgroup-v1/memory.rst, "OOM Control").
private final class LegacyOutOfMemory {
    private let counter: EventCounter
    private let control: FileDescriptor
    private let directory: String

    init(directory: String) throws(SystemError) {
        self.directory = directory
        counter = try EventCounter()
        control = try FileDescriptor.open("\(directory)/memory.oom_control", 0)
        try FileTree.write("\(counter.number) \(control.number)", to: "\(directory)/cgroup.event_control")
    }

    var descriptor: Int32 { counter.number }

    /// The end of the cgroup counts, too.
    func hasHappened() -> Bool { counter.reset() && FileTree.exists("\(directory)/cgroup.event_control") }
}
