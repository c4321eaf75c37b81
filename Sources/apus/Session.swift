import Arguments
import ContainerRuntime
import Diagnosis

/// One call of the program: from its command line to its exit status.
enum Session {
    /// - Parameter begun: when the program began (``MonotonicClock``).
    static func run(_ arguments: [String], begun: UInt64) -> Int32 {
        let request = Parser.parse(arguments)
        var log = Log.standard
        var trace: Trace?
        do throws(Failure) {
            switch request.action {
            case .help(let topic): try Output.print(Help.text(topic))
            case .version: try Output.print(Version.text)
            case .misuse(let misuse):
                log = try openLog(request.globals)
                log.error(misuse.message)
                try explain(misuse)
                return 1
            case .command(let invocation):
                log = try openLog(request.globals, container: invocation.operands.first)
                trace = try openTrace(invocation, begun: begun)
                let settings = try runtimeSettings(request.globals, log, trace)
                let status = try Call(invocation, ContainerRuntime(settings), log).perform()
                finish(trace, nil, log)
                return status
            }
            return 0
        } catch {
            finish(trace, error, log)
            log.error(prefix(request.action) + error.description)
            return status(request.action)
        }
    }

    private static func openLog(_ globals: Values, container: String? = nil) throws(Failure) -> Log {
        try Log.open(
            globals.text(.log), format: globals.text(.logFormat) ?? "text",
            threshold: globals.isOn(.debug) ? "debug" : globals.text(.logLevel) ?? "warning",
            container: container)
    }

    private static func openTrace(_ invocation: Invocation, begun: UInt64) throws(Failure) -> Trace? {
        guard let path = invocation.options.text(.trace), !path.isEmpty else { return nil }
        let container = invocation.operands.first ?? ""
        return try Trace(to: path, of: "\(invocation.verb.rawValue) \(container)", begun: begun)
    }

    /// A timeline that cannot be written, to a full disk say, fails no container.
    private static func finish(_ trace: Trace?, _ failure: Failure?, _ log: Log) {
        do throws(Failure) {
            try trace?.finish(failure)
        } catch {
            log.warning("\(error)")
        }
    }

    private static func explain(_ misuse: Misuse) throws(Failure) {
        switch misuse.topic {
        case .none: break
        case .program: try Output.print("Incorrect Usage.\n\n" + Help.text(nil))
        case .command(let verb): try Output.print("Incorrect Usage.\n\n" + Help.text(verb))
        }
    }

    /// The words that runc puts before the errors of these three commands, under our name.
    private static func prefix(_ action: Request.Action) -> String {
        guard case .command(let invocation) = action else { return "" }
        switch invocation.verb {
        case .create: return "apus create failed: "
        case .run: return "apus run failed: "
        case .exec: return "exec failed: "
        default: return ""
        }
    }

    /// 255 for `exec`, so that a failure of the runtime is told from one of the process in most cases.
    private static func status(_ action: Request.Action) -> Int32 {
        guard case .command(let invocation) = action, invocation.verb == .exec else { return 1 }
        return 255
    }
}
