import CRISpec
import Diagnosis
import Foundation
import Glibc
import Kernel
import Logging
import MonitorProtocol

/// What monitors tell unasked.
enum MonitorNews: Sendable {
    case exit(ContainerExit)
    /// The connection to the monitor of a pod has ended.
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
    /// Pods whose monitors are there, for all that is known, but do not answer: why.
    private var unanswered: [String: String] = [:]
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
        if let client = clients[pod] { return client }
        if let reason = unanswered[pod] {
            throw CRIError(
                .unavailable, "the monitor of pod sandbox \(pod) cannot be spoken to: \(reason)",
                remedy: "it is asked again all the time; if it is stopped, continue it (SIGCONT)")
        }
        throw CRIError(.failedPrecondition, "pod sandbox \(pod) has no monitor any more")
    }

    /// Whether a process is a container's first one still: as long as its monitor has not reaped it, its number is nobody
    /// else's.
    func isAlive(_ container: String, pid: Int32, in pod: String) async throws -> Bool {
        try await monitor(of: pod).list().contains { $0.id == container && $0.pid == pid && $0.exit == nil }
    }

    /// Finds the monitor that an earlier daemon started, or one that has broken the connection off.
    ///
    /// - Returns: the containers that live. Of those that have ended it is told by ``MonitorNews``.
    /// - Throws: ``MonitorError/absent(socket:)`` if there is none any more. After any other error it may be there.
    func reconnect(_ pod: String) async throws -> Set<String> {
        do {
            let found = try await connected(to: pod).list()
            unanswered[pod] = nil
            var living: Set<String> = []
            for container in found {
                if let exit = container.exit {
                    await teller(.exit(ContainerExit(exit)))
                } else {
                    living.insert(container.id)
                }
            }
            return living
        } catch MonitorError.absent(let socket) {
            unanswered[pod] = nil
            throw MonitorError.absent(socket: socket)
        } catch {
            unanswered[pod] = "\(error)"
            throw error
        }
    }

    private func connected(to pod: String) async throws -> MonitorClient {
        if let client = clients[pod] { return client }
        return try await connect(pod)
    }

    private func connect(_ pod: String) async throws -> MonitorClient {
        let client = try await MonitorClient.connect(layout.monitorSocket(pod), reader)
        clients[pod] = client
        Task { await self.listen(to: client, of: pod) }
        return client
    }

    private func listen(to client: MonitorClient, of pod: String) async {
        for await report in client.events { await teller(.exit(ContainerExit(report))) }
        // Not that of one that was asked to go.
        guard clients[pod] === client else { return }
        clients[pod] = nil
        await teller(.lost(pod: pod))
    }

    /// Ends a pod's monitor with all that lives in the pod; none is no error.
    ///
    /// - Throws: if it may still be there.
    func end(_ pod: String) async throws {
        // One that goes just now may take a connection and not answer it any more.
        for _ in 0..<20 {
            do {
                return try await endOnce(pod)
            } catch MonitorError.absent {
                unanswered[pod] = nil
                return try await OrphanedPause.end(pinnedAt: layout.namespace("pid", of: pod))
            } catch MonitorError.lost {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        try await endOnce(pod)
    }

    private func endOnce(_ pod: String) async throws {
        let client = try await connected(to: pod)
        // The end of this connection is no news.
        clients[pod] = nil
        do {
            try await client.shutDown(force: true)
            unanswered[pod] = nil
        } catch {
            client.close()
            unanswered[pod] = "\(error)"
            throw error
        }
    }

    /// Sees to it that a monitor neither has a container nor comes to have it: one that is being made is waited for, and
    /// then killed. Does nothing for a pod without a monitor.
    func dismiss(_ container: String, of pod: String) async throws {
        let client: MonitorClient
        do { client = try await connected(to: pod) } catch MonitorError.absent { return }
        let deadline = ContinuousClock.now + TimeLimits.runtime + TimeLimits.grace
        while true {
            do {
                try await client.kill(container, signal: SIGKILL)
                return await forget(container, of: pod)
            } catch MonitorError.refused(let failure) {
                switch failure.kind {
                case .unknownContainer: return
                case .system where failure.errno == ESRCH: return await forget(container, of: pod)
                // The runtime is at it, for a daemon that is no more.
                case .busy where ContinuousClock.now < deadline: try await Task.sleep(for: .milliseconds(50))
                default: throw MonitorError.refused(failure)
                }
            }
        }
    }

    /// The monitor need not remember a container any more, that has ended or was killed; nor does its exit record.
    func forget(_ container: String, of pod: String) async {
        do {
            try await clients[pod]?.forget(container)
        } catch MonitorError.refused(let failure) where failure.kind == .busy {
            // Its end is told when its output is in the log.
            if (try? await clients[pod]?.wait(container, limit: TimeLimits.answer)) != nil {
                try? await clients[pod]?.forget(container)
            }
        } catch {
            // It does not know it, or has gone.
        }
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
