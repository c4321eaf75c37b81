import Arguments
import Diagnosis

extension Call {
    func kill() throws(Failure) {
        var written = operands.count > 1 ? operands[1] : ""
        if written.isEmpty { written = "TERM" }
        guard let signal = SignalName.number(written) else { throw Failure("unknown signal \"\(written)\"") }
        try runtime.kill(id, signal: signal, all: options.isOn(.all))
    }
}
