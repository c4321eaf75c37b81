import CRIProto
import Diagnosis
import Foundation
import Kernel

extension PodRuntime {
    package func execSync(
        _ request: Runtime_V1_ExecSyncRequest, _ context: CallContext
    ) async throws -> Runtime_V1_ExecSyncResponse {
        guard !request.cmd.isEmpty else { throw CRIError.invalid("/cmd", "is empty") }
        guard (0...Self.longestTimeout).contains(request.timeout) else {
            throw CRIError.invalid(
                "/timeout", "\(request.timeout) is not a number of seconds up to \(Self.longestTimeout)")
        }
        let container = try await existingContainer(request.containerID)
        guard container.record.state == .running else {
            throw CRIError.precondition(
                "container \(container.id) is \(container.record.state.rawValue): a process can join a running one only"
            )
        }
        let pod = try await existingPod(container.record.podID)
        let handler = try handlers.named(pod.record.handler)
        let name = "\(layout.container(container.id))/exec-\(Identity.make().prefix(12))"
        let (process, pidFile, words) = (name + ".json", name + ".pid", name + ".log")
        defer { for path in [process, pidFile, words] { try? FileTree.unlink(path) } }
        try await blocking { [layout] in
            let config = try FileTree.read(layout.container(container.id) + "/config.json", limit: 16 << 20)
            try FileTree.replace(process, with: try ProcessJSON.make(request.cmd, from: config), mode: 0o600)
        }
        let monitor = try await monitors.monitor(of: pod.id)
        let end = try await monitor.exec(
            handler.exec(container.id, process: process, pidFile: pidFile, log: words), pidFile: pidFile,
            runtimeLog: words,
            outputLimit: settings.execOutputLimit,
            patience: UInt32(request.timeout * 1000))
        guard let code = end.code else {
            throw CRIError(
                .deadlineExceeded, doing: "exec in container \(container.id)",
                "\(request.cmd[0]) took longer than \(request.timeout) seconds and was killed")
        }
        return .with {
            $0.exitCode = code
            $0.stdout = end.output
            $0.stderr = end.errors
        }
    }

    /// Seconds: milliseconds of it are to fit in a word of the monitor's protocol.
    private static let longestTimeout: Int64 = 4_000_000
}
