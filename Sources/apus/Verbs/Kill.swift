import Arguments
import Diagnosis

extension Call {
    func kill() throws(Failure) {
        var written = operands.count > 1 ? operands[1] : ""
        if written.isEmpty { written = "TERM" }
        guard let signal = SignalName.number(written) else { throw Failure("unknown signal \"\(written)\"") }
        let all = options.isOn(.all)
        guard options.isOn(.regex) else { return try runtime.kill(id, signal: signal, all: all) }
        try runtime.forEach(matching: id) { (id) throws(Failure) in
            try runtime.kill(id, signal: signal, all: all)
        }
    }

    func delete() throws(Failure) {
        let force = options.isOn(.force)
        guard options.isOn(.regex) else { return try runtime.delete(id, force: force) }
        try runtime.forEach(matching: id) { (id) throws(Failure) in try runtime.delete(id, force: force) }
    }
}
