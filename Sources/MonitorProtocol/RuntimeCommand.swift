/// A command line of an OCI runtime, or of any other program.
public struct RuntimeCommand: Equatable, Sendable {
    /// The program's absolute path, and its arguments.
    public var arguments: [String]
    /// All of its environment, as `NAME=VALUE`.
    public var environment: [String]
    /// Milliseconds until it is killed; 0 is for ever.
    public var timeLimit: UInt32

    public init(_ arguments: [String], environment: [String] = [], timeLimit: UInt32 = 0) {
        self.arguments = arguments
        self.environment = environment
        self.timeLimit = timeLimit
    }
}

/// A container to be made by its runtime's `create`.
public struct Creation: Equatable, Sendable {
    public var id: String
    /// It names ``pidFile`` by the runtime's `--pid-file`, and ``consoleSocket`` by `--console-socket`.
    public var command: RuntimeCommand
    public var pidFile: String
    /// Where the runtime logs to, if not to standard error: its end becomes part of a failure.
    public var runtimeLog: String?
    /// The container's log, in the form of the CRI; absent, its output is read and forgotten.
    public var log: String?
    /// Whether standard input is a pipe, held open until `closeInput`; else it is a null device. With a terminal it is
    /// that.
    public var keepsInput: Bool
    /// The container has a terminal: the monitor listens here for it while the runtime runs.
    public var consoleSocket: String?

    public init(
        id: String, command: RuntimeCommand, pidFile: String, runtimeLog: String? = nil, log: String? = nil,
        keepsInput: Bool = false, consoleSocket: String? = nil
    ) {
        self.id = id
        self.command = command
        self.pidFile = pidFile
        self.runtimeLog = runtimeLog
        self.log = log
        self.keepsInput = keepsInput
        self.consoleSocket = consoleSocket
    }
}

/// A further process in a container, by its runtime's `exec --detach`. What goes with the message as descriptors
/// becomes its standard input, output and error, in this order; what does not is /dev/null.
public struct Execution: Equatable, Sendable {
    /// Of which ``RuntimeCommand/timeLimit`` is for the process, too. It names ``pidFile`` by `--pid-file`.
    public var command: RuntimeCommand
    /// Removed once it is read.
    public var pidFile: String
    public var runtimeLog: String?

    public init(command: RuntimeCommand, pidFile: String, runtimeLog: String? = nil) {
        self.command = command
        self.pidFile = pidFile
        self.runtimeLog = runtimeLog
    }
}

extension RuntimeCommand: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        arguments = try reader.texts("command.arguments")
        guard let program = arguments.first, program.utf8.first == UInt8(ascii: "/") else {
            throw Malformed("command.arguments", "the program is not given by an absolute path")
        }
        environment = try reader.texts("command.environment")
        timeLimit = try reader.word("command.timeLimit")
    }

    func write(to writer: inout WireWriter) {
        writer.texts(arguments)
        writer.texts(environment)
        writer.word(timeLimit)
    }
}

extension Creation: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        id = try reader.name("id")
        command = try RuntimeCommand(from: &reader)
        pidFile = try reader.path("pidFile")
        runtimeLog = try reader.optionalPath("runtimeLog")
        log = try reader.optionalPath("log")
        keepsInput = try reader.flag("keepsInput")
        consoleSocket = try reader.optionalPath("consoleSocket")
    }

    func write(to writer: inout WireWriter) {
        writer.text(id)
        command.write(to: &writer)
        writer.text(pidFile)
        writer.optional(runtimeLog)
        writer.optional(log)
        writer.flag(keepsInput)
        writer.optional(consoleSocket)
    }
}

extension Execution: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        command = try RuntimeCommand(from: &reader)
        pidFile = try reader.path("pidFile")
        runtimeLog = try reader.optionalPath("runtimeLog")
    }

    func write(to writer: inout WireWriter) {
        command.write(to: &writer)
        writer.text(pidFile)
        writer.optional(runtimeLog)
    }
}
