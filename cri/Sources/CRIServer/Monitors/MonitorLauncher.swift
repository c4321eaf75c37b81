import Diagnosis
import Dispatch
import Kernel
import MonitorProtocol

/// Starts pod monitors.
package struct MonitorLauncher: Sendable {
    /// Of `apus`, absolute.
    private let program: String
    private let limit: Duration

    /// - Parameter limit: how long a start may take.
    package init(program: String, limit: Duration? = nil) {
        self.program = program
        self.limit = limit ?? TimeLimits.launch
    }

    /// Starts a monitor; it listens when this returns, and is nobody's child here.
    ///
    /// - Parameters:
    ///   - socket: the path that it is to listen at.
    ///   - state: the directory for its exit records.
    ///   - cgroups: directories of a cgroup, one or one a hierarchy, which it goes into.
    /// - Throws: ``MonitorError/notStarted(_:)``, in the monitor's words.
    package func start(socket: String, state: String, cgroups: [String] = []) async throws {
        var arguments = [program, "pod-monitor", "--socket", socket, "--state", state]
        for cgroup in cgroups { arguments += ["--cgroup", cgroup] }
        let failure: MonitorError? = await withCheckedContinuation { continuation in
            DispatchQueue(label: "apus-cri.monitor-launcher").async { [arguments] in
                continuation.resume(returning: run(arguments))
            }
        }
        if let failure { throw failure }
    }

    private func run(_ arguments: [String]) -> MonitorError? {
        do throws(SystemError) {
            let null = try FileDescriptor.open("/dev/null", 2)
            let pipe = try Pipe.make()
            let child = try Child.spawn(
                program, arguments: arguments, environment: [], input: null.number, output: null.number,
                errors: pipe.writeNumber, apart: true)
            guard let status = try child.end(within: limit) else {
                return .notStarted("\(program) took longer than \(limit) and was killed")
            }
            if status == .exited(0) { return nil }
            // What a pipe has room for, without waiting for whoever may hold it still.
            let reading = pipe.takeReadEnd()
            let isThere = try Poll.readable([reading.number], timeout: 0)[0]
            var text = String(
                decoding: isThere ? try reading.read(4096, name: "the monitor's words") : [], as: UTF8.self)
            while text.last == "\n" { text.removeLast() }
            return .notStarted(text.isEmpty ? "\(program) has ended without a word" : text)
        } catch {
            return .notStarted(error.description)
        }
    }
}
