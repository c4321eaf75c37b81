import CKernel
import Diagnosis
import Glibc

/// A thread of the process's own, beside the one that it starts with.
public enum WorkerThread {
    /// pthread_create(3), detached, with the signal mask of the caller.
    ///
    /// - Parameter stackSize: bytes of address space; memory is what it touches.
    public static func start(
        stackSize: Int = 256 << 10, _ body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, box)
        if result != 0 {
            Unmanaged<Box>.fromOpaque(box).release()
            throw SystemError("start a thread", Errno(result))
        }
    }

    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// Messages to a thread, which waits for ``number`` to be readable.
///
/// `@unchecked`: what is in it is behind the lock.
public final class Mailbox<Message: Sendable>: @unchecked Sendable {
    private let counter: FileDescriptor
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private var messages: [Message] = []

    public init() throws(SystemError) {
        counter = try EventCounter().takeDescriptor()
        lock = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    /// Readable as long as there are messages.
    public var number: Int32 { counter.number }

    public func post(_ message: Message) {
        pthread_mutex_lock(lock)
        messages.append(message)
        pthread_mutex_unlock(lock)
        var one: UInt64 = 1
        _ = Glibc.write(counter.number, &one, 8)
    }

    /// All that have come, the first one first.
    public func takeAll() -> [Message] {
        var count: UInt64 = 0
        _ = Glibc.read(counter.number, &count, 8)
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        let all = messages
        messages = []
        return all
    }
}

/// How the C library hands out memory, for a process that is to be small for a long time.
public enum Allocator {
    /// One arena for all threads; and what is large goes back to the kernel as soon as it is freed (mallopt(3)).
    public static func beFrugal() {
        apus_allocate_frugally()
    }

    /// Takes the pages of the program's text out of this process (madvise(2), MADV_DONTNEED): for one that has
    /// nothing to do for long. Those that it needs then come back from the page cache, some at a time.
    public static func releaseText() { apus_release_text() }
}
