import Arguments
import ContainerRuntime
import Diagnosis
import OCISpec
import Presentation

extension Call {
    /// Containers that cannot be read are told of on standard error and left out.
    func list() throws(Failure) {
        let format = options.text(.format) ?? "table"
        guard format == "table" || format == "json" else { throw Failure("invalid format option") }
        let (states, failures) = try runtime.list()
        for (id, failure) in failures { Log.tell("load container \(id): \(failure)") }
        if options.isOn(.quiet) {
            var ids = ""
            for state in states { ids += state.id + "\n" }
            return try Output.print(ids)
        }
        try Output.print(format == "json" ? Text.line(State.listJSON(states)) : table(states))
    }

    private func table(_ states: [State]) -> String {
        var table = Table(header: ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
        for state in states {
            table.add([
                state.id, String(state.pid), state.status.rawValue, state.bundle, state.created, state.owner,
            ])
        }
        return table.text
    }
}
