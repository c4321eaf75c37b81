import Diagnosis
import Kernel
import OCISpec

/// How a container's first process ended: an event, and a file `exits/ID` of the monitor's state directory.
public struct ExitReport: Equatable, Sendable {
    public var id: String
    public var pid: Int32
    /// 128 and the signal, if one ended it.
    public var exitCode: Int32
    /// The signal that ended it, or 0.
    public var signal: Int32
    /// When the monitor reaped it.
    public var finishedAt: Timestamp

    public init(id: String, pid: Int32, exitCode: Int32, signal: Int32, finishedAt: Timestamp) {
        self.id = id
        self.pid = pid
        self.exitCode = exitCode
        self.signal = signal
        self.finishedAt = finishedAt
    }

    public init(id: String, pid: Int32, _ status: ExitStatus, finishedAt: Timestamp) {
        let signal: Int32 = if case .killed(let signal) = status { signal } else { 0 }
        self.init(
            id: id, pid: pid, exitCode: status.shellStatus, signal: signal, finishedAt: finishedAt)
    }

    /// The file's text: an object on one line.
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", id)
            writer.member("pid", Int(pid))
            writer.member("exitCode", Int(exitCode))
            writer.member("signal", Int(signal))
            writer.member("finishedAt", finishedAt.rfc3339Nano)
        }
        return writer.bytes + [0x0a]
    }

    /// Reads the file's text.
    public init(json: [UInt8]) throws(Failure) {
        var reader = try JSONReader(json, limit: 4096)
        var (id, pid, exitCode, signal): (String?, Int32?, Int32?, Int32?)
        var finishedAt: Timestamp?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "id": id = try reader.string()
            case "pid": pid = try reader.int32()
            case "exitCode": exitCode = try reader.int32()
            case "signal": signal = try reader.int32()
            case "finishedAt":
                let text = try reader.string()
                finishedAt = Timestamp(rfc3339: text)
                if finishedAt == nil {
                    throw Failure(at: "/finishedAt", "\"\(text)\" is no time of RFC 3339 in UTC")
                }
            default: break
            }
        }
        try reader.finish()
        guard let id, let pid, let exitCode, let signal, let finishedAt else {
            throw Failure(at: "", "an exit record has id, pid, exitCode, signal and finishedAt")
        }
        self.init(id: id, pid: pid, exitCode: exitCode, signal: signal, finishedAt: finishedAt)
    }
}

extension ExitReport: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        id = try reader.text("exit.id")
        pid = try reader.signed("exit.pid")
        exitCode = try reader.signed("exit.exitCode")
        signal = try reader.signed("exit.signal")
        let seconds = try reader.long("exit.finishedAt")
        let nanoseconds = try reader.word("exit.finishedAt")
        guard nanoseconds < 1_000_000_000 else {
            throw Malformed("exit.finishedAt", "\(nanoseconds) ns are more than a second")
        }
        finishedAt = Timestamp(seconds: Int(seconds), nanoseconds: Int(nanoseconds))
    }

    func write(to writer: inout WireWriter) {
        writer.text(id)
        writer.signed(pid)
        writer.signed(exitCode)
        writer.signed(signal)
        writer.long(Int64(finishedAt.seconds))
        writer.word(UInt32(finishedAt.nanoseconds))
    }
}
