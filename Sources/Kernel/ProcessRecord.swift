import Diagnosis
import Glibc

/// What `/proc/PID/stat` says of a process (proc(5)), as far as a runtime asks.
public struct ProcessRecord: Equatable, Sendable {
    /// One letter: `R`, `S`, `Z` and so on.
    public let state: Character
    /// Clock ticks since boot. With the pid it names a process for good: pids come back, this pair does not.
    public let startTime: UInt64

    /// - Throws: ENOENT or ESRCH if there is no such process.
    public init(pid: Int32) throws(SystemError) {
        let path = "/proc/\(pid)/stat"
        // One read(2): the kernel gives the file whole.
        let text = try FileDescriptor.open(path, O_RDONLY).read(4096, name: path)
        guard let record = ProcessRecord(text: text) else {
            throw SystemError("parse \(path)", Errno(5))
        }
        self = record
    }

    /// Parses the file's text. The command name, field 2, may hold anything, parentheses and spaces too;
    /// the fields are counted from its last closing one.
    init?(text: [UInt8]) {
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        var position = end + 1
        guard let letter = Self.field(of: text, &position).first else { return nil }
        // That was field 3; the time is field 22.
        for _ in 4..<22 { _ = Self.field(of: text, &position) }
        guard let time = UInt64(String(decoding: Self.field(of: text, &position), as: UTF8.self)) else {
            return nil
        }
        state = Character(Unicode.Scalar(letter))
        startTime = time
    }

    /// The next of the fields with spaces between them; empty at the end.
    private static func field(of text: [UInt8], _ position: inout Int) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0a }
        while position < text.count, isSpace(text[position]) { position += 1 }
        let start = position
        while position < text.count, !isSpace(text[position]) { position += 1 }
        return text[start..<position]
    }

    /// A process that has ended, whether or not anybody has asked how.
    public var isDead: Bool { state == "Z" || state == "X" }
}
