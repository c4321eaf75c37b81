import Diagnosis
import Kernel

/// The reading end of a pipe, and the end of what has come from it.
final class Capture {
    /// `nil` at the end, or when it was given away.
    private var descriptor: FileDescriptor?
    private(set) var tail: [UInt8] = []
    private let limit: Int

    /// While it is open.
    private(set) var number: Int32?

    /// - Parameters:
    ///   - pipe: of which the reading end is taken, and made non-blocking.
    ///   - limit: bytes that are kept.
    init(_ pipe: PipeEnds, limit: Int) throws(SystemError) {
        self.limit = limit
        number = pipe.readNumber
        if let end = pipe.takeRead() {
            try end.stopWaiting()
            descriptor = consume end
        }
    }

    /// Reads what there is, up to the most that a pipe can hold.
    ///
    /// - Returns: whether there may come more.
    @discardableResult
    func read() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4 << 10)
        for _ in 0..<256 {
            guard let reading = readOnce(into: &buffer) else { return false }
            guard case .bytes(let count) = reading else { return true }
            tail.append(contentsOf: buffer[..<count])
            if tail.count > limit { tail.removeFirst(tail.count - limit) }
        }
        return true
    }

    /// `nil` at the end.
    private func readOnce(into buffer: inout [UInt8]) -> FileDescriptor.Reading? {
        var reading = FileDescriptor.Reading.end
        if let open = descriptor.take() {
            reading = (try? open.readAvailable(into: &buffer)) ?? .end
            if reading != .end { descriptor = consume open }
        }
        if reading == .end { number = nil }
        return reading == .end ? nil : reading
    }

    /// Gives the pipe away; `nil` if it has ended.
    func takeDescriptor() -> Int32? {
        number = nil
        return descriptor.take()?.release()
    }
}
