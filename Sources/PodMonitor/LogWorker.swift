import Diagnosis
import Kernel

/// What the thread of the logs is to do. A descriptor in it is given away.
enum LogOrder: Sendable {
    /// A stream of a container, and what was read from it before.
    struct Stream: Sendable {
        var number: Int32
        var kind: LineCutter.Stream
        var begun: [UInt8]
    }

    /// - Parameters:
    ///   - key: stands for the container.
    ///   - file: of the log; `nil` if the output is to be forgotten.
    case open(key: UInt64, file: Int32?, path: String, streams: [Stream])
    case reopen(key: UInt64)
    /// The container has ended: all that it has written is to be in the log.
    case drain(key: UInt64)
    case close(key: UInt64)
}

/// What it has done.
enum LogNews: Sendable {
    case reopened(key: UInt64, SystemError?)
    case drained(key: UInt64)
}

/// The thread that carries containers' output to their logs, so that a slow disk holds up nothing else.
///
/// It has small buffers as long as little comes, and gives large ones back as soon as it has to wait.
final class LogWorker {
    private final class Log {
        let key: UInt64
        let file: LogFile?
        var streams: [Stream] = []

        init(_ key: UInt64, _ file: LogFile?) {
            self.key = key
            self.file = file
        }
    }

    private final class Stream {
        let descriptor: FileDescriptor
        var cutter: LineCutter
        unowned let log: Log

        init(_ descriptor: consuming FileDescriptor, _ kind: LineCutter.Stream, _ log: Log) {
            self.descriptor = descriptor
            cutter = LineCutter(kind)
            self.log = log
        }
    }

    private static let smallBuffer = 4 << 10
    private static let largeBuffer = 64 << 10
    /// As much as a pipe can hold (pipe(7), pipe-max-size), after which there is no end to be waited for.
    private static let drainLimit = 1 << 20
    /// Milliseconds between looks at a stream that cannot be waited for.
    private static let blindRest = 100

    private let orders: Mailbox<LogOrder>
    private let news: Mailbox<LogNews>
    private let queue: EventQueue
    private var logs: [UInt64: Log] = [:]
    private var streams: [Int32: Stream] = [:]
    /// Streams that the kernel has no room to be waited for (epoll_ctl(2), ENOSPC and ENOMEM): these are looked at.
    private var unwatched: Set<Int32> = []
    private var buffer = [UInt8](repeating: 0, count: smallBuffer)
    private var output: [UInt8] = []

    private init(_ orders: Mailbox<LogOrder>, _ news: Mailbox<LogNews>) throws(SystemError) {
        self.orders = orders
        self.news = news
        queue = try EventQueue()
        try queue.watch(orders.number)
    }

    /// Starts the thread.
    static func start(_ orders: Mailbox<LogOrder>, _ news: Mailbox<LogNews>) throws(SystemError) {
        // Here, so that want of descriptors is the failure of who asked. The thread alone uses it from then on.
        nonisolated(unsafe) let worker = try LogWorker(orders, news)
        try WorkerThread.start {
            // What can fail is a queue that is none: not this one.
            do throws(SystemError) { try worker.run() } catch { Daemon.leave(1) }
        }
    }

    private func run() throws(SystemError) -> Never {
        var isBusy = false
        while true {
            let events = try queue.wait(timeout: isBusy ? 0 : unwatched.isEmpty ? nil : Self.blindRest)
            for number in unwatched { look(number) }
            if events.isEmpty {
                isBusy = false
                if buffer.count > Self.smallBuffer {
                    buffer = [UInt8](repeating: 0, count: Self.smallBuffer)
                }
                output = []
                continue
            }
            isBusy = true
            for event in events where event.number != orders.number {
                if let stream = streams[event.number] { carry(stream) }
            }
            // After the streams: a number in an order may be one that was just closed.
            if events.contains(where: { $0.number == orders.number }) {
                for order in orders.takeAll() { follow(order) }
            }
        }
    }

    private func follow(_ order: LogOrder) {
        switch order {
        case .open(let key, let file, let path, let opened):
            let log = Log(key, file.map { LogFile(FileDescriptor(owning: $0), path: path) })
            logs[key] = log
            for one in opened {
                let stream = Stream(FileDescriptor(owning: one.number), one.kind, log)
                log.streams.append(stream)
                streams[one.number] = stream
                if !one.begun.isEmpty { write(one.begun, one.begun.count, stream) }
                if (try? queue.watch(one.number)) == nil { unwatched.insert(one.number) }
            }
        case .reopen(let key):
            var failure: SystemError?
            if let file = logs[key]?.file {
                do throws(SystemError) { try file.reopen() } catch { failure = error }
            }
            news.post(.reopened(key: key, failure))
        case .drain(let key):
            for stream in logs[key]?.streams ?? [] {
                var carried = 0
                while carried < Self.drainLimit, let count = carry(stream) { carried += count }
            }
            logs[key]?.file?.confess(Timestamp.now().rfc3339Full)
            news.post(.drained(key: key))
        case .close(let key):
            for stream in logs[key]?.streams ?? [] { end(stream) }
            logs[key] = nil
        }
    }

    /// Reads from one that cannot be waited for, if it cannot now.
    private func look(_ number: Int32) {
        if (try? queue.watch(number)) != nil { unwatched.remove(number) }
        if let stream = streams[number] { carry(stream) }
    }

    /// Reads once.
    ///
    /// - Returns: how much there was; `nil` if nothing.
    @discardableResult
    private func carry(_ stream: Stream) -> Int? {
        guard let reading = try? stream.descriptor.readAvailable(into: &buffer) else {
            end(stream)
            return nil
        }
        switch reading {
        case .nothing: return nil
        case .end:
            end(stream)
            return nil
        case .bytes(let count):
            write(buffer, count, stream)
            if count == buffer.count, count < Self.largeBuffer {
                buffer = [UInt8](repeating: 0, count: Self.largeBuffer)
            }
            return count
        }
    }

    private func write(_ bytes: [UInt8], _ count: Int, _ stream: Stream) {
        guard let file = stream.log.file else { return }
        let time = Timestamp.now().rfc3339Full
        output.removeAll(keepingCapacity: true)
        stream.cutter.cut(bytes, count: count, time: time, into: &output)
        if !output.isEmpty { file.append(output, time: time) }
    }

    /// It is closed, and what is left of a line is written.
    private func end(_ stream: Stream) {
        let log = stream.log
        streams[stream.descriptor.number] = nil
        unwatched.remove(stream.descriptor.number)
        queue.ignore(stream.descriptor.number)
        log.streams.removeAll { $0 === stream }
        guard let file = log.file else { return }
        let time = Timestamp.now().rfc3339Full
        output.removeAll(keepingCapacity: true)
        stream.cutter.end(time: time, into: &output)
        if !output.isEmpty { file.append(output, time: time) }
    }
}
