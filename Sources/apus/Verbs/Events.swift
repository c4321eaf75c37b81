import Arguments
import ContainerRuntime
import Diagnosis

extension Call {
    func events() throws(Failure) {
        let written = options.text(.interval) ?? "5s"
        guard let interval = TimeSpan.nanoseconds(written) else {
            throw Failure(
                .option("--interval"),
                reason: "invalid value \"\(written)\": not a duration such as 5s or 1m30s")
        }
        guard interval > 0 else { throw Failure("duration interval must be greater than 0") }
        let (id, runtime) = (id, runtime)
        if options.isOn(.stats) {
            return try Output.print(ContainerEvent.stats(runtime.statistics(id)).json(id: id))
        }
        try runtime.watch(id, interval: max(1, Int(interval / 1_000_000))) { (event) throws(Failure) in
            try Output.print(event.json(id: id))
        }
    }
}
