import Diagnosis
import Glibc
import Kernel
import OCISpec

/// Runs plugins, one at a time on the calling thread, which waits.
struct PluginRunner: Sendable {
    /// Where the programs are looked for, in this order; it is `CNI_PATH` too.
    let directories: [String]
    /// How long each may take, in milliseconds.
    let timeout: Int

    /// The parameters of the protocol (CNI spec, section 2, "Parameters").
    struct Parameters: Sendable, Equatable {
        var containerID = ""
        var netns = ""
        var interface = ""
        var arguments = ""
        /// The record of the attachment; empty if it is about none. Not part of the protocol: see ``StrayPlugins``.
        var record = ""
    }

    /// The program of a plugin of this type.
    func program(_ type: String) throws(NetworkError) -> String {
        for directory in directories where FileTree.isExecutable("\(directory)/\(type)") {
            return "\(directory)/\(type)"
        }
        throw NetworkError(
            .notReady, doing: "find the plugin \(type)",
            "there is no such program in \(directories.joined(separator: ", "))", remedy: "install it there")
    }

    /// Does one command.
    ///
    /// - Parameter request: the configuration, for its standard input.
    /// - Returns: what it wrote to its standard output.
    func run(
        _ command: PluginCommand, _ type: String, _ parameters: Parameters, request: [UInt8],
        _ interruption: Interruption
    ) throws(NetworkError) -> [UInt8] {
        let path = try program(type)
        let doing = "\(command.rawValue) by the plugin \(type)"
        if interruption.hasHappened { throw .gone(doing) }
        let end: PluginEnd
        do throws(SystemError) {
            end = try execute(path, environment(command, parameters), request, interruption)
        } catch {
            throw NetworkError(
                .internal, Failure(.runtime, doing: "\(doing): \(error.doing)", errno: error.errno))
        }
        if interruption.hasHappened { throw .gone(doing) }
        if end.isOverdue {
            throw NetworkError(
                .timedOut, doing: doing,
                "it did not end within \(seconds) and was killed\(end.quotedErrors)")
        }
        if end.isOverlong {
            throw NetworkError(
                .plugin, doing: doing,
                "it wrote more than \(NetworkResult.maximumSize >> 20) MiB and was killed\(end.quotedErrors)")
        }
        if end.status == .exited(0) { return end.output }
        throw refusal(doing, type, command, end)
    }

    private var seconds: String {
        timeout % 1000 == 0 ? "\(timeout / 1000) s" : "\(timeout) ms"
    }

    /// What this process has, but for what is systemd's to it alone; iptables and others are found by its PATH.
    private func environment(_ command: PluginCommand, _ parameters: Parameters) -> [String] {
        let own = Environment.all.filter { entry in
            !["CNI_", StrayPlugins.mark, "LISTEN_", "NOTIFY_SOCKET=", "WATCHDOG_"].contains {
                entry.hasPrefix($0)
            }
        }
        let path = own.contains { $0.hasPrefix("PATH=") }
        let mark = parameters.record.isEmpty ? [] : [StrayPlugins.mark + parameters.record]
        return own + mark
            + (path ? [] : ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]) + [
                "CNI_COMMAND=\(command.rawValue)", "CNI_CONTAINERID=\(parameters.containerID)",
                "CNI_NETNS=\(parameters.netns)", "CNI_IFNAME=\(parameters.interface)",
                "CNI_ARGS=\(parameters.arguments)", "CNI_PATH=\(directories.joined(separator: ":"))",
            ]
    }

    private func execute(
        _ path: String, _ environment: [String], _ request: [UInt8], _ interruption: Interruption
    ) throws(SystemError) -> PluginEnd {
        // Plugins need not read it at all: a file serves better than a pipe.
        let input = try MemoryFile.readable("cni-request", request)
        let output = try Pipe.make()
        let errors = try Pipe.make()
        let deadline = Poll.now() + timeout
        let child = try spawn(
            path, environment, input.number, output.writeNumber, errors.writeNumber, until: deadline)
        let pid = child.pid
        interruption.watch(pid)
        var collector = PluginOutput(output.takeReadEnd(), errors.takeReadEnd())
        let ended: Bool
        do throws(SystemError) {
            ended = try collector.collect(until: child.pidfd.number, deadline: deadline)
        } catch {
            try? ProcessControl.signal(pid: -pid, SIGKILL)
            interruption.unwatch()
            _ = ProcessControl.wait(pid: pid)
            throw error
        }
        // With what it started: a program that it waits for would go on.
        if !ended { try? ProcessControl.signal(pid: -pid, SIGKILL) }
        interruption.unwatch()
        let status = ProcessControl.wait(pid: pid)
        return PluginEnd(
            status: status, output: collector.output, errors: collector.errors,
            isOverdue: !ended && !collector.isOverlong, isOverlong: collector.isOverlong)
    }

    /// A program that is just being installed cannot be executed: that passes.
    private func spawn(
        _ path: String, _ environment: [String], _ input: Int32, _ output: Int32, _ errors: Int32,
        until deadline: Int
    ) throws(SystemError) -> Child {
        while true {
            do throws(SystemError) {
                return try Child.spawn(
                    path, arguments: [path], environment: environment, input: input, output: output,
                    errors: errors, apart: true)
            } catch {
                guard error.errno == Errno(ETXTBSY), Poll.now() < deadline else { throw error }
                ProcessControl.sleep(milliseconds: 100)
            }
        }
    }

    private func refusal(
        _ doing: String, _ type: String, _ command: PluginCommand, _ end: PluginEnd
    ) -> NetworkError {
        if let said = try? PluginRefusal(plugin: type, command: command, json: end.output) {
            var reason = said.code.map { "\(said.message) (code \($0))" } ?? said.message
            if !said.details.isEmpty { reason += ": \(said.details)" }
            return NetworkError(
                .plugin, Failure(.runtime, doing: doing, reason: reason + end.quotedErrors), refusal: said)
        }
        let reason =
            switch end.status {
            case .exited(let code): "exit status \(code)"
            case .killed(let signal): "killed by signal \(signal)"
            case nil: "its end was not seen"
            }
        let quoted = end.output.isEmpty ? "" : ", output: \(PluginEnd.text(end.output.prefix(4096)))"
        return NetworkError(
            .plugin, Failure(.runtime, doing: doing, reason: reason + quoted + end.quotedErrors),
            refusal: PluginRefusal(plugin: type, command: command, code: nil, message: reason))
    }
}

/// How a plugin ended.
private struct PluginEnd {
    var status: ExitStatus?
    var output: [UInt8]
    /// The last of what it wrote to its standard error.
    var errors: [UInt8]
    var isOverdue: Bool
    var isOverlong: Bool

    var quotedErrors: String {
        let text = Self.text(errors[...])
        return text.isEmpty ? "" : ", standard error: \(text)"
    }

    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}

/// What a plugin writes.
private struct PluginOutput: ~Copyable {
    private let outputPipe: FileDescriptor
    private let errorPipe: FileDescriptor
    private(set) var output: [UInt8] = []
    private(set) var errors: [UInt8] = []
    private(set) var isOverlong = false
    private var outputIsOpen = true
    private var errorsAreOpen = true

    /// How much of the errors is kept: a log's end says more than its beginning.
    private static let errorLimit = 8192

    init(_ output: consuming FileDescriptor, _ errors: consuming FileDescriptor) {
        outputPipe = output
        errorPipe = errors
    }

    /// Reads until the process has ended. What it started may hold the pipes for longer; nobody waits for that.
    ///
    /// - Parameter deadline: as ``Poll/now()`` counts.
    /// - Returns: false if it did not end in time or wrote too much.
    mutating func collect(until pidfd: Int32, deadline: Int) throws(SystemError) -> Bool {
        while true {
            let numbers =
                [pidfd] + (outputIsOpen ? [outputPipe.number] : [])
                + (errorsAreOpen ? [errorPipe.number] : [])
            let ready = try Poll.readable(numbers, timeout: max(0, deadline - Poll.now()))
            let outputIsReady = outputIsOpen && ready[1]
            let errorsAreReady = errorsAreOpen && ready[numbers.count - 1]
            if outputIsReady { try readOutput() }
            if errorsAreReady { try readErrors() }
            if isOverlong { return false }
            // All that it wrote is there by now: its end is looked at last.
            if ready[0] && !outputIsReady && !errorsAreReady { return true }
            if Poll.now() >= deadline { return false }
        }
    }

    private mutating func readOutput() throws(SystemError) {
        let some = try outputPipe.read(65536, name: "a plugin's output")
        outputIsOpen = !some.isEmpty
        output += some
        isOverlong = output.count > NetworkResult.maximumSize
    }

    private mutating func readErrors() throws(SystemError) {
        let some = try errorPipe.read(4096, name: "a plugin's errors")
        errorsAreOpen = !some.isEmpty
        errors += some
        if errors.count > Self.errorLimit { errors.removeFirst(errors.count - Self.errorLimit) }
    }
}

extension PluginRefusal {
    /// Decodes an error result (CNI spec, section 5, "Error").
    init(plugin: String, command: PluginCommand, json: [UInt8]) throws(Failure) {
        var reader = try JSONReader(json, limit: NetworkResult.maximumSize)
        var (code, message, details): (UInt64?, String?, String) = (nil, nil, "")
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "code": code = try reader.uint64()
            case "msg": message = try reader.text()
            case "details": details = try reader.text()
            default: break
            }
        }
        try reader.finish()
        guard let message else { throw reader.missing("msg") }
        self.init(plugin: plugin, command: command, code: code, message: message, details: details)
    }
}

extension NetworkError {
    static func gone(_ doing: String) -> NetworkError {
        NetworkError(.cancelled, doing: doing, "the caller has gone")
    }
}
