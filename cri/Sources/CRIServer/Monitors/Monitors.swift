import CRISpec
import Diagnosis
import Foundation
import Kernel
import Logging
import MonitorProtocol

/// What monitors tell unasked.
enum MonitorNews: Sendable {
    case exit(ContainerExit)
    /// The monitor of a pod has gone.
    case lost(pod: String)
}

/// The monitors of all pods, each by its connection.
actor Monitors {
    private let layout: Layout
    private let launcher: MonitorLauncher
    private let reader: MonitorReader
    private let cgroup: String
    private let log: Logger
    private var clients: [String: MonitorClient] = [:]
    /// Pods whose monitors are asked to go: that they do is no news.
    private var ending: Set<String> = []
    private var teller: @Sendable (MonitorNews) async -> Void = { _ in }

    init(layout: Layout, program: String, cgroup: String, log: Logger) throws(SystemError) {
        self.layout = layout
        launcher = MonitorLauncher(program: program)
        reader = try MonitorReader()
        self.cgroup = cgroup
        self.log = log
    }

    /// Who is to hear the news, from now on.
    func tell(_ teller: @escaping @Sendable (MonitorNews) async -> Void) { self.teller = teller }

    // MARK: One pod's monitor

    /// Starts the monitor of a new pod.
    func launch(_ pod: String) async throws -> MonitorClient {
        try await launcher.start(
            socket: layout.monitorSocket(pod), state: layout.pod(pod),
            cgroups: try MonitorCgroup.make(cgroup))
        return try await connect(pod)
    }

    /// The monitor of a pod that is ready.
    func monitor(of pod: String) throws(CRIError) -> MonitorClient {
        guard let client = clients[pod] else {
            throw CRIError(.failedPrecondition, "pod sandbox \(pod) has no monitor any more")
        }
        return client
    }

    /// Finds the monitor that an earlier daemon started.
    ///
    /// - Returns: the containers that live. Of those that have ended it is told by ``MonitorNews``.
    func reconnect(_ pod: String) async throws -> Set<String> {
        let client = try await connect(pod)
        var living: Set<String> = []
        for container in try await client.list() {
            if let exit = container.exit {
                await teller(.exit(ContainerExit(exit)))
            } else {
                living.insert(container.id)
            }
        }
        return living
    }

    private func connect(_ pod: String) async throws -> MonitorClient {
        let client = try await MonitorClient.connect(layout.monitorSocket(pod), reader)
        clients[pod] = client
        Task { await self.listen(to: client, of: pod) }
        return client
    }

    private func listen(to client: MonitorClient, of pod: String) async {
        for await report in client.events { await teller(.exit(ContainerExit(report))) }
        if clients[pod] === client { clients[pod] = nil }
        if ending.remove(pod) == nil { await teller(.lost(pod: pod)) }
    }

    /// Ends a pod's monitor with all that lives in the pod; none is no error.
    func end(_ pod: String) async throws {
        if clients[pod] == nil, FileTree.exists(layout.monitorSocket(pod)) {
            // Of a pod that an earlier daemon left half made or half removed.
            _ = try? await connect(pod)
        }
        guard let client = clients[pod] else { return }
        ending.insert(pod)
        try await client.shutDown(force: true)
        clients[pod] = nil
    }

    /// The monitor need not remember a container any more; nor does its exit record.
    func forget(_ container: String, of pod: String) async {
        try? await clients[pod]?.forget(container)
        try? FileTree.unlink(layout.exitRecord(container, of: pod))
    }

    /// What a monitor wrote about an exit; nil if it saw none.
    func exitRecord(of container: String, in pod: String) -> ContainerExit? {
        guard let bytes = try? FileTree.read(layout.exitRecord(container, of: pod), limit: 4096),
            let report = try? ExitReport(json: bytes)
        else { return nil }
        return ContainerExit(report)
    }
}

extension ContainerExit {
    init(_ report: ExitReport) {
        self.init(
            container: report.id, code: report.exitCode,
            time: Int64(report.finishedAt.seconds) * 1_000_000_000 + Int64(report.finishedAt.nanoseconds))
    }
}
