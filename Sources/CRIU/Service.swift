import Diagnosis
import Glibc
import Kernel

/// A running `criu swrk`, which serves one request:
///
///     runtime                      criu
///        │ clone3, execve            │
///        │──────── request ─────────▶│
///        │◀──────── NOTIFY ──────────│ at each point of its work that it tells of, perhaps with a descriptor
///        │──────── NOTIFY ──────────▶│ go on, or give up
///        │◀─────── response ─────────│
///        │                           │ exits
public final class Service {
    private let socket: Socket
    private let words: FileDescriptor
    private var hasEnded: ExitStatus?
    public let pid: Int32

    /// How a request ended.
    public enum Outcome: Equatable, Sendable {
        case answered(Response)
        /// It ended without an answer.
        case ended(ExitStatus?)
    }

    /// Starts it. What it prints is kept in memory; see ``lastWords()``.
    ///
    /// - Parameters:
    ///   - descriptors: those that it shares with this process beside standard input, under the same numbers.
    ///   - noNewPrivileges: whether it, and what it brings back, is kept from gaining privileges.
    public init(
        _ program: String, descriptors: [Int32] = [], noNewPrivileges: Bool = false
    ) throws(SystemError) {
        let pair = try Socket.pair(with: "criu")
        words = try MemoryFile.plain("apus-criu")
        var request = LaunchRequest(path: program, arguments: ["criu", "swrk", "\(pair.far.number)"])
        request.environment = Environment.all
        request.stdio = StandardReplacements(output: words.number, error: words.number)
        request.keep = descriptors + [pair.far.number]
        request.clearsSignalMask = true
        request.noNewPrivileges = noNewPrivileges
        pid = try Child.launch(request).pid
        socket = pair.takeNear()
    }

    deinit { if hasEnded == nil { kill() } }

    /// Asks, and serves its notifications until it answers.
    ///
    /// - Parameter notified: what to do at a notification; what it throws makes CRIU give up, and is thrown from
    ///   here then.
    public func perform(
        _ request: Request,
        _ notified: (Response.Notification, consuming FileDescriptor?) throws(Failure) -> Void = {
            (_, _) throws(Failure) in
        }
    ) throws(Failure) -> Outcome {
        var refusal: Failure?
        guard try send(request) else { return .ended(end()) }
        while true {
            let packet = try Failure.blaming { () throws(SystemError) in
                try socket.receive(limit: Self.maximumSize)
            }
            if packet.bytes.isEmpty {
                if let refusal { throw refusal }
                return .ended(end())
            }
            let response = try Self.response(packet.bytes)
            guard let notification = response.notification, response.kind == Request.Kind.notify.rawValue,
                response.isSuccess
            else {
                if let refusal { throw refusal }
                return .answered(response)
            }
            var answer = Request(.notify)
            answer.goesOn = true
            do throws(Failure) {
                try notified(notification, packet.takeDescriptor())
            } catch {
                answer.goesOn = false
                refusal = refusal ?? error
            }
            guard try send(answer) else {
                if let refusal { throw refusal }
                return .ended(end())
            }
        }
    }

    /// - Returns: whether it was there to take it.
    private func send(_ request: Request) throws(Failure) -> Bool {
        do throws(SystemError) {
            try socket.send(request.bytes)
            return true
        } catch  where error.errno == Errno(EPIPE) || error.errno == Errno(ECONNRESET) {
            return false
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// A response has the names of a few features and one message at most.
    private static let maximumSize = 1 << 16

    private static func response(_ bytes: [UInt8]) throws(Failure) -> Response {
        guard bytes.count < maximumSize else { throw Failure("criu's answer is too long") }
        do throws(MalformedMessage) {
            return try Response(bytes)
        } catch {
            throw Failure("criu's answer is no message of its protocol: \(error.reason)")
        }
    }

    // MARK: the end

    /// Waits for its end.
    @discardableResult
    public func end() -> ExitStatus? {
        if hasEnded == nil { hasEnded = ProcessControl.wait(pid: pid) }
        return hasEnded
    }

    public func kill() {
        if hasEnded != nil { return }
        try? ProcessControl.signal(pid: pid, SIGKILL)
        end()
    }

    /// Why it ended, if it had no log yet: the first error that it printed, or its last line.
    public func lastWords() -> String? {
        if hasEnded == .exited(126), let error = Child.lastExecError { return "exec: \(error)" }
        guard let bytes = try? words.readAnew(1 << 16) else { return nil }
        let lines = bytes.split(separator: 0x0a)
        // The first error is the reason of those after it.
        let line = lines.first { $0.starts(with: Array("Error".utf8)) } ?? lines.last
        return line.map { String(decoding: $0, as: UTF8.self) }
    }
}
