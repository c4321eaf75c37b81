import Diagnosis
import Kernel
import MonitorProtocol

/// A runtime's process.
final class Job {
    enum Purpose {
        case run
        case create(Birth)
        case exec(Execution)

        /// Whether it has pipes of its own where nothing else is given.
        var capturesOutput: Bool {
            if case .exec = self { return false }
            return true
        }
    }

    let pid: Int32
    let purpose: Purpose
    let asker: Asker
    /// Milliseconds of ``Poll/now()``.
    let deadline: Int?
    /// Of its standard output and error. Those of `create` are the container's.
    let output: Capture?
    let errors: Capture?
    /// Why it was killed.
    var verdict: Verdict?

    init(
        pid: Int32, _ purpose: Purpose, asker: Asker, deadline: Int?, output: Capture?, errors: Capture?
    ) {
        self.pid = pid
        self.purpose = purpose
        self.asker = asker
        self.deadline = deadline
        self.output = output
        self.errors = errors
    }

    /// Whether a process may be left by it that this monitor inherits.
    var leavesProcess: Bool {
        if case .run = purpose { return false }
        return true
    }
}

/// A container that is being created.
final class Birth {
    let creation: Creation
    /// Taken by the logs' thread.
    var log: FileDescriptor?
    /// The writing end.
    var input: FileDescriptor?
    /// Where the terminal comes.
    var console: FileDescriptor?

    init(_ creation: Creation) { self.creation = creation }

    /// The master of the terminal that the runtime has handed over before it ended.
    func takeTerminal() throws(SystemError) -> FileDescriptor {
        if let console = console.take() {
            if let caller = try ConsoleListener.accept(console),
                let master = try ConsoleListener.take(from: caller)
            {
                try master.stopWaiting()
                return master
            }
        }
        throw SystemError("the runtime has handed no terminal over", Errno(32))
    }
}

/// What a runtime has said, as text.
enum RuntimeWords {
    /// The end of its log, or if that is empty of what it wrote to standard error.
    static func text(log: String?, errors: [UInt8]) -> String {
        if let log, let bytes = try? tail(of: log), !bytes.isEmpty { return text(bytes) }
        return text(errors)
    }

    private static func tail(of path: String) throws(SystemError) -> [UInt8] {
        let file = try FileDescriptor.open(path, 0)
        let size = Int(try file.status(name: path).size)
        return try file.read(Wire.errorTailLimit, from: max(0, size - Wire.errorTailLimit), name: path)
    }

    /// Without NUL, and no longer than the bytes may be.
    static func text(_ bytes: [UInt8]) -> String {
        var text = String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self)
        while text.utf8.count > Wire.errorTailLimit {
            // Bytes that are not UTF-8 have become three each.
            text = String(text.unicodeScalars.suffix(text.unicodeScalars.count / 2))
        }
        while text.utf8.last == UInt8(ascii: "\n") { text.unicodeScalars.removeLast() }
        return text
    }
}
