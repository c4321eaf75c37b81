import Kernel

/// Makes lines of a container's log out of what comes from one of its streams.
///
/// A line is `TIME stdout|stderr F|P CONTENT`. One of more than 16 KiB is written in pieces as long as that, marked P
/// but for the last, as containerd does. What comes without a newline is held back until it comes, or until the
/// stream ends: then it is marked P, as a line that never ended.
struct LineCutter {
    /// Bytes of content in a line of the log.
    static let limit = 16 << 10
    private static let newline = UInt8(ascii: "\n")

    enum Stream: String, Sendable {
        case stdout, stderr
    }

    private let stream: Stream
    /// The beginning of a line, ``limit`` bytes at most.
    private var held: [UInt8] = []

    init(_ stream: Stream) { self.stream = stream }

    /// Cuts the first `count` bytes of a buffer.
    ///
    /// - Parameter time: RFC 3339.
    mutating func cut(_ buffer: [UInt8], count: Int, time: String, into output: inout [UInt8]) {
        let full = Array("\(time) \(stream.rawValue) F ".utf8)
        var start = 0
        while start < count, let end = buffer.position(of: Self.newline, from: start), end < count {
            if held.isEmpty && end - start <= Self.limit {
                output.append(contentsOf: full)
                // With its newline.
                output.append(contentsOf: buffer[start...end])
            } else {
                held.append(contentsOf: buffer[start..<end])
                writePieces(time, into: &output)
                writeHeld(full, into: &output)
            }
            start = end + 1
        }
        if start < count {
            held.append(contentsOf: buffer[start..<count])
            writePieces(time, into: &output)
        }
    }

    /// There comes no more.
    mutating func end(time: String, into output: inout [UInt8]) {
        if held.isEmpty { return }
        writeHeld(Array("\(time) \(stream.rawValue) P ".utf8), into: &output)
    }

    private mutating func writeHeld(_ prefix: [UInt8], into output: inout [UInt8]) {
        output.append(contentsOf: prefix)
        output.append(contentsOf: held)
        output.append(Self.newline)
        held = []
    }

    /// Of what is held more than ``limit`` bytes.
    private mutating func writePieces(_ time: String, into output: inout [UInt8]) {
        if held.count <= Self.limit { return }
        let partial = Array("\(time) \(stream.rawValue) P ".utf8)
        var start = 0
        while held.count - start > Self.limit {
            output.append(contentsOf: partial)
            output.append(contentsOf: held[start..<(start + Self.limit)])
            output.append(Self.newline)
            start += Self.limit
        }
        held = Array(held[start...])
    }
}
