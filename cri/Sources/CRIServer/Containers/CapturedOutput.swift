import Diagnosis
@preconcurrency import Dispatch
import Foundation
import Glibc
import Kernel
import Synchronization

/// What a process writes into a pipe, up to a limit; what is more is read and dropped, so that the process goes on.
final class CapturedOutput: Sendable {
    private let readEnd: ReadEnd
    private let writeEnd: FileDescriptor
    private let limit: Int
    private let queue = DispatchQueue(label: "exec output")
    private let source: any DispatchSourceRead
    private let collected = Mutex(Data())

    private static let piece = 64 << 10

    /// What the process gets; it stays open here until the end.
    var writeNumber: Int32 { writeEnd.number }

    /// - Parameter limit: bytes.
    init(limit: Int) throws(SystemError) {
        let ends = try PipeEnds()
        guard let readEnd = ends.takeRead(), let writeEnd = ends.takeWrite() else {
            throw SystemError("make a pipe", Errno(EBADF))
        }
        try readEnd.stopWaiting()
        self.limit = limit
        let end = ReadEnd(file: readEnd)
        source = DispatchSource.makeReadSource(fileDescriptor: end.file.number, queue: queue)
        // It is closed when nobody watches it any more (dispatch_source_create(3)).
        source.setCancelHandler { withExtendedLifetime(end) {} }
        self.readEnd = end
        self.writeEnd = writeEnd
        source.setEventHandler { [weak self] in _ = self?.readPiece() }
        source.activate()
    }

    deinit { source.cancel() }

    /// What has come once the process has ended. A process that it left behind may still hold the pipe: nobody waits for
    /// what that one has to say.
    func end() async -> Data {
        await withCheckedContinuation { continuation in
            queue.async {
                // No more than a pipe holds at most: whoever is left may write for ever.
                for _ in 0..<(1 << 20) / Self.piece where !self.readPiece() { break }
                self.source.cancel()
                continuation.resume(returning: self.collected.withLock { $0 })
            }
        }
    }

    /// - Returns: whether there may be more.
    private func readPiece() -> Bool {
        // EAGAIN: there is nothing just now.
        guard let bytes = try? readEnd.file.read(Self.piece), !bytes.isEmpty else { return false }
        collected.withLock { collected in
            collected.append(contentsOf: bytes.prefix(limit - collected.count))
        }
        return true
    }
}

private final class ReadEnd: Sendable {
    let file: FileDescriptor

    init(file: consuming FileDescriptor) { self.file = file }
}
