import Arguments
import Diagnosis
import OCISpec

extension Call {
    func ps() throws(Failure) {
        switch options.text(.format) ?? "table" {
        case "table": try Output.print(runtime.processTable(id, options: Array(operands.dropFirst())))
        case "json":
            let pids = try runtime.processes(id)
            var writer = JSONWriter()
            if pids.isEmpty {
                // Go's empty list.
                writer.null()
            } else {
                writer.array { writer in
                    for pid in pids { writer.integer(Int(pid)) }
                }
            }
            try Output.print(writer.text + "\n")
        default: throw Failure("invalid format option")
        }
    }
}
