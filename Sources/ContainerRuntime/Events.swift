import Cgroups
import Diagnosis
import Kernel
import OCISpec

/// What `events` tells of a container.
public enum ContainerEvent: Sendable {
    case stats(Statistics)
    /// A process of the container was killed for want of memory.
    case outOfMemory

    /// runc's form, on one line with its line feed.
    public func json(id: String) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            switch self {
            case .stats(let statistics):
                writer.member("type", "stats")
                writer.member("id", id)
                writer.key("data")
                statistics.encode(to: &writer)
            case .outOfMemory:
                writer.member("type", "oom")
                writer.member("id", id)
            }
        }
        return writer.text + "\n"
    }
}

extension ContainerRuntime {
    /// What a container uses now.
    ///
    /// - Throws: that it is not running, in runc's words.
    public func statistics(_ id: String) throws(Failure) -> Statistics {
        let (directory, record) = try load(id)
        try requireAlive(record, directory)
        return try record.statistics()
    }

    /// Tells what befalls a container until it ends, and what it uses each time an interval is over.
    ///
    /// - Parameters:
    ///   - interval: milliseconds.
    ///   - tell: what it throws ends the watch, too.
    public func watch(
        _ id: String, interval: Int, tell: (ContainerEvent) throws(Failure) -> Void
    ) throws(Failure) {
        let (directory, record) = try load(id)
        try requireAlive(record, directory)
        guard let pidfd = try record.openInit() else { return }
        let memory = OutOfMemoryWatch(record.cgroup)
        var due = Poll.now() + interval
        while true {
            let (process, left) = (pidfd.number, max(0, due - Poll.now()))
            let hasEnded: [Bool]
            do throws(SystemError) {
                hasEnded = try memory.wait(orReadable: [process], timeout: left)
            } catch {
                throw Failure(.runtime, error)
            }
            // Also when it has ended: that may be why. The kernel counts before it kills.
            if memory.hasHappened() { try tell(.outOfMemory) }
            if hasEnded[0] { return }
            guard Poll.now() >= due else { continue }
            try tell(.stats(try record.statistics()))
            // After a time in which nothing could be told, one set is enough.
            due = max(due + interval, Poll.now())
        }
    }

    private func requireAlive(_ record: ContainerRecord, _ directory: StateDirectory) throws(Failure) {
        switch try record.status(in: directory) {
        case .created, .running, .paused: return
        case .creating, .stopped: throw Failure("container with id \(record.id) is not running")
        }
    }
}

extension ContainerRecord {
    fileprivate func statistics() throws(Failure) -> Statistics {
        var statistics = try cgroup.statistics()
        if let intelRdt { statistics.intelRdt = try intelRdt.statistics() }
        return statistics
    }
}
