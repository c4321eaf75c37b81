import CKernel
import Diagnosis
import Glibc

/// Waiting for many descriptors (epoll(7)), level-triggered.
public struct EventQueue: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try system("epoll_create") { apus_epoll_create() })
    }

    /// Something that has come to a descriptor.
    public struct Event: Equatable, Sendable {
        public let number: Int32
        /// There is something to read, or the end.
        public let isReadable: Bool
        public let isWritable: Bool
    }

    /// From now on the descriptor is waited for, until it is removed or closed; one that is waited for already is from
    /// now on waited for in this manner.
    public func watch(_ number: Int32, forWriting: Bool = false) throws(SystemError) {
        let epoll = descriptor.number
        _ = try system("watch a descriptor") { apus_epoll_watch(epoll, number, forWriting ? 1 : 0) }
    }

    /// Not waited for any more. Needed where the file stays open by another descriptor.
    public func ignore(_ number: Int32) {
        _ = apus_epoll_ignore(descriptor.number, number)
    }

    /// Waits for the next events.
    ///
    /// - Parameter timeout: milliseconds; `nil` waits for ever.
    /// - Returns: none when the time is up.
    public func wait(timeout: Int?) throws(SystemError) -> [Event] {
        let epoll = descriptor.number
        var found:
            (
                apus_event, apus_event, apus_event, apus_event, apus_event, apus_event, apus_event, apus_event
            ) = (.init(), .init(), .init(), .init(), .init(), .init(), .init(), .init())
        let limit = timeout.map { Int32(clamping: max(0, $0)) } ?? -1
        return try withUnsafeMutableBytes(of: &found) { (room) throws(SystemError) in
            let room = room.bindMemory(to: apus_event.self)
            let count = apus_epoll_wait(epoll, room.baseAddress, Int32(room.count), limit)
            if count < 0 {
                // A wait that is made again would be too long: whoever asked looks at the clock.
                if errno == EINTR { return [] }
                throw SystemError("epoll_wait", Errno(errno))
            }
            return room[..<Int(count)].map {
                Event(number: $0.descriptor, isReadable: $0.readable != 0, isWritable: $0.writable != 0)
            }
        }
    }
}
