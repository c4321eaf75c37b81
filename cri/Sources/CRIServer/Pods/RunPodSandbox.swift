import CRIProto
import Diagnosis
import Foundation

extension PodRuntime {
    package func runPodSandbox(
        _ request: Runtime_V1_RunPodSandboxRequest, _ context: CallContext
    ) async throws -> Runtime_V1_RunPodSandboxResponse {
        let demand = try PodDemand(request, handlers: handlers)
        let pod = Pod(
            record: PodRecord(
                id: Identity.make(), createdAt: Identity.now(), handler: demand.handler.name,
                state: .creating,
                config: try request.config.serializedData(), ips: [], pausePID: nil, isTornDown: false),
            config: request.config)
        try await locks.withLock(pod.id) {
            try await self.reserve(pod)
            do {
                // The caller may go away at any moment: what has been made is then undone below.
                try await self.make(pod, demand)
            } catch {
                await self.undo(pod)
                throw error
            }
        }
        return .with { $0.podSandboxID = pod.id }
    }

    /// Takes the name, be it from a pod that an earlier daemon has left half made.
    private func reserve(_ pod: Pod) async throws {
        while let holder = try await inventory.insert(pod) {
            guard try await clearHalfMade(pod: holder) else {
                throw CRIError(
                    .alreadyExists,
                    Failure(at: "/config/metadata", "the name \(pod.name) is that of pod sandbox \(holder)"))
            }
        }
    }

    /// Whoever makes a pod holds its lock: one that is half made when the lock is free is nobody's.
    ///
    /// - Returns: whether it is gone.
    func clearHalfMade(pod id: String) async throws -> Bool {
        try await toTheEnd {
            try await self.locks.withLock(id) {
                guard let pod = await self.inventory.pod(id) else { return true }
                guard pod.record.state == .creating else { return false }
                try await self.unmake(pod)
                return true
            }
        }
    }

    private func make(_ pod: Pod, _ demand: PodDemand) async throws {
        try await blocking { try self.makeDirectories(of: pod.id) }
        let monitor = try await monitors.launch(pod.id)
        let pause = try await monitor.prepare(
            demand.preparation(for: pod.id, layout: layout, settings: settings))
        try Task.checkCancellation()
        if demand.hasOwnIPC {
            try await blocking { try self.mountSharedMemory(of: pod.id, demand) }
        }
        let addresses = try await addresses(of: pod, demand)
        try await blocking { try self.writeFiles(of: pod, demand, addresses: addresses) }
        try Task.checkCancellation()
        try await inventory.updatePod(pod.id) { record in
            record.ips = addresses
            record.pausePID = pause
            record.state = .ready
        }
        // One that went before the pod was ready was nobody's news.
        _ = try await monitors.monitor(of: pod.id)
        log.info("pod is ready", metadata: ["pod": "\(pod.id)", "name": "\(pod.name)"])
    }

    /// Attaches the pod to its network, if it has one of its own.
    private func addresses(of pod: Pod, _ demand: PodDemand) async throws -> [String] {
        guard demand.hasOwnNetwork else { return [] }
        return try await network.attach(demand.attachment(for: pod, layout: layout)).ips
    }

    /// To be called under the pod's lock. What cannot be undone now is left to be seen as a pod that is not ready: whoever removes it tries again.
    private func undo(_ pod: Pod) async {
        do {
            try await toTheEnd { try await self.unmake(pod) }
        } catch {
            log.warning(
                "a pod that failed could not be undone", metadata: ["pod": "\(pod.id)", "error": "\(error)"])
            _ = try? await inventory.updatePod(pod.id) { $0.state = .notReady }
        }
    }

    /// Nothing is left of a pod that did not come to be, not even its name.
    func unmake(_ pod: Pod) async throws {
        try await tearDown(pod.id)
        try await blocking { try self.removeFiles(of: pod) }
        try await inventory.removePod(pod.id)
    }
}
