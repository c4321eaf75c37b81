import Diagnosis
import Glibc
import Kernel

/// Where the lines of the log go. What is open stays open as long as the program runs.
enum LogDestination: Equatable, Sendable {
    case standardError
    case file(Int32)
    /// The journal's socket, and who the messages are from.
    case journal(Int32, identifier: String)
    /// That of syslog.
    case system(Int32, identifier: String)

    /// Opens what `--log` names: `FILE`, `file:FILE`, `journald:ID` or `syslog:ID`, as with crun.
    ///
    /// - Parameter container: the ID that stands in for an empty one.
    init(_ written: String, container: String?) throws(Failure) {
        if let identifier = Self.rest(of: written, after: "journald:", container) {
            self = .journal(try Self.connect("/run/systemd/journal/socket", written), identifier: identifier)
        } else if let identifier = Self.rest(of: written, after: "syslog:", container) {
            self = .system(try Self.connect("/dev/log", written), identifier: identifier)
        } else {
            let path = written.hasPrefix("file:") ? String(written.dropFirst(5)) : written
            let file = try Failure.blaming(.option("--log")) { () throws(SystemError) in
                try FileDescriptor.open(path, O_CREAT | O_WRONLY | O_APPEND | O_SYNC, mode: 0o644)
            }
            self = .file(file.release())
        }
    }

    private static func rest(of written: String, after prefix: String, _ container: String?) -> String? {
        guard written.hasPrefix(prefix) else { return nil }
        let rest = written.dropFirst(prefix.utf8.count)
        return rest.isEmpty ? container ?? "apus" : String(rest)
    }

    private static func connect(_ path: String, _ written: String) throws(Failure) -> Int32 {
        do throws(SystemError) {
            return try DatagramSocket.connect(to: path).release()
        } catch {
            throw Failure(
                .option("--log"), doing: "\(written): \(error.doing)", errno: error.errno,
                remedy: "nobody takes such messages on this host: log to a file")
        }
    }
}
