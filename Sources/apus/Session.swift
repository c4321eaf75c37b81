import Arguments
import ContainerRuntime
import Diagnosis

/// One call of the program: from its command line to its exit status.
enum Session {
    static func run(_ arguments: [String]) -> Int32 {
        let request = Parser.parse(arguments)
        var log = Log.standard
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
                let settings = try runtimeSettings(request.globals, log)
                return try Call(invocation, ContainerRuntime(settings), log).perform()
            }
            return 0
        } catch {
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
