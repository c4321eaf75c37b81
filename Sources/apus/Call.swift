import Arguments
import ContainerRuntime
import Diagnosis
import Presentation

/// A command that is about to be carried out. Each has its method in a file of its own.
struct Call {
    let options: Values
    let operands: [String]
    let runtime: ContainerRuntime
    let log: Log
    private let verb: Verb

    init(_ invocation: Invocation, _ runtime: ContainerRuntime, _ log: Log) {
        verb = invocation.verb
        options = invocation.options
        operands = invocation.operands
        self.runtime = runtime
        self.log = log
    }

    /// The container's ID, for commands whose first operand it is. The parser has counted the operands.
    var id: String { operands.first ?? "" }

    /// Carries the command out.
    ///
    /// - Returns: the program's exit status.
    func perform() throws(Failure) -> Int32 {
        switch verb {
        case .create: try create()
        case .run: return try run()
        case .start: try runtime.start(id)
        case .state: try Output.print(runtime.state(id).json())
        case .kill: try kill()
        case .delete: try delete()
        case .list: try list()
        case .spec: try spec()
        case .features: try Output.print(Text.line(runtime.features().json()))
        case .plan: try plan()
        case .exec: return try exec()
        case .pause: try runtime.pause(id)
        case .resume: try runtime.resume(id)
        case .ps: try ps()
        case .update: try update()
        case .mounts: try mounts()
        case .events: try events()
        case .checkpoint: try checkpoint()
        case .restore: return try restore()
        case .help, .version:
            // The parser answers these itself.
            throw Failure("apus \(verb.rawValue): not a command to carry out")
        }
        return 0
    }
}
