import CKernel
import Diagnosis
import Glibc

extension FileDescriptor {
    /// O_NONBLOCK, of the open file: for all who have it.
    public func stopWaiting() throws(SystemError) {
        let flags = fcntl(number, F_GETFL)
        let number = number
        _ = try system("make a descriptor non-blocking") { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
    }

    /// One read(2) into the whole of a buffer, from its beginning, of what there is now.
    public func readAvailable(into buffer: inout [UInt8]) throws(SystemError) -> Reading {
        let number = number
        do throws(SystemError) {
            let count = try system("read") {
                buffer.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
            }
            return count == 0 ? .end : .bytes(count)
        } catch  where error.errno == Errno(EAGAIN) {
            return .nothing
        } catch  where error.errno == Errno(EIO) {
            // A terminal's master, when nobody has the terminal open any more.
            return .end
        }
    }

    /// What came of it.
    public enum Reading: Equatable, Sendable {
        case bytes(Int)
        /// Not now.
        case nothing
        case end
    }

    /// write(2) from `start` on; how much of it went. Less than all of it, if the error comes after that.
    public func writeSome(_ bytes: [UInt8], from start: Int, name: String = "file") throws(SystemError) -> Int
    {
        try system("write \(name)") {
            bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress! + start, $0.count - start) }
        }
    }

    /// Cuts off the last `count` bytes of a file that only this process appends to (ftruncate(2)).
    public func cutOff(_ count: Int, name: String = "file") throws(SystemError) {
        let size = Int(try status(name: name).size)
        try resize(to: max(0, size - count), name: name)
    }
}

extension Array where Element == UInt8 {
    /// Where the byte stands first from `start` on (memchr(3)).
    public func position(of byte: UInt8, from start: Int) -> Int? {
        guard start < count else { return nil }
        return withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress,
                let found = memchr(base + start, Int32(byte), bytes.count - start)
            else { return nil }
            return base.distance(to: found)
        }
    }
}

/// Both ends of a pipe, for those who need them for longer.
public final class PipeEnds {
    private var read: FileDescriptor?
    private var write: FileDescriptor?
    public let readNumber: Int32
    public let writeNumber: Int32

    /// pipe2(2).
    public init() throws(SystemError) {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try system("pipe") {
            withUnsafeMutableBytes(of: &ends) {
                apus_pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self))
            }
        }
        (readNumber, writeNumber) = ends
        read = FileDescriptor(owning: ends.0)
        write = FileDescriptor(owning: ends.1)
    }

    public func takeRead() -> FileDescriptor? { read.take() }
    public func takeWrite() -> FileDescriptor? { write.take() }
}
