import Diagnosis

/// What `/proc/PID/stat` says of a process (proc(5)), as far as a runtime asks.
public struct ProcessRecord: Equatable, Sendable {
    /// One letter: `R`, `S`, `Z` and so on.
    public let state: Character
    /// Clock ticks since boot. With the pid it names a process for good: pids come back, this pair does not.
    public let startTime: UInt64

    /// - Throws: ENOENT or ESRCH if there is no such process.
    public init(pid: Int32) throws(SystemError) {
        let path = "/proc/\(pid)/stat"
        guard let record = ProcessRecord(text: try FileTree.read(path)) else {
            throw SystemError("parse \(path)", Errno(5))
        }
        self = record
    }

    /// Parses the file's text. The command name, field 2, may hold anything, parentheses and spaces too;
    /// the fields are counted from its last closing one.
    init?(text: [UInt8]) {
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(end + 1)...].split { $0 == 0x20 || $0 == 0x0a }
        // Field 3 is the first here, field 22 the twentieth.
        guard fields.count >= 20, let letter = fields[0].first,
            let time = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        state = Character(Unicode.Scalar(letter))
        startTime = time
    }

    /// A process that has ended, whether or not anybody has asked how.
    public var isDead: Bool { state == "Z" || state == "X" }
}
