import Diagnosis
import Dispatch
import Kernel
import MonitorProtocol

/// Starts pod monitors.
package struct MonitorLauncher: Sendable {
    /// Of `apus`, absolute.
    private let program: String

    package init(program: String) { self.program = program }

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
            // It holds the pipe until it has ended; the monitor that it leaves behind does not.
            let words = try pipe.takeReadEnd().readAll(limit: 4096, name: "the monitor's words")
            let status = ProcessControl.wait(pid: child.pid)
            if status == .exited(0) { return nil }
            var text = String(decoding: words, as: UTF8.self)
            while text.last == "\n" { text.removeLast() }
            return .notStarted(text.isEmpty ? "\(program) has ended without a word" : text)
        } catch {
            return .notStarted(error.description)
        }
    }
}
