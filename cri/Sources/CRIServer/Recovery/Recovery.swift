import CRIProto
import Diagnosis
import Kernel

extension PodRuntime {
    /// Carries on where the last daemon ended, however it ended: finds the monitors of its pods, notes the exits that
    /// happened meanwhile, and undoes what was half made. What takes time is left to ``cleanUp()``.
    ///
    /// To be called before the first call is served.
    func recover() async throws {
        // Before anybody undoes what they are at.
        try await network.endStrayPlugins()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pod in await inventory.allPods where !pod.record.isTornDown {
                group.addTask { try await self.recover(pod) }
            }
            try await group.waitForAll()
        }
    }

    /// Looks for the pod's monitor and asks what became of the containers.
    private func recover(_ pod: Pod) async throws {
        let containers = await inventory.containers(of: pod.id).filter(\.isAlive)
        var living: Set<String> = []
        do {
            living = try await monitors.reconnect(pod.id)
        } catch {
            // The host has been booted since, or somebody has killed the monitor.
            if pod.isReady {
                log.warning(
                    "a pod has lost its monitor: it is not ready any more",
                    metadata: ["pod": "\(pod.id)", "error": "\(error)"])
                try await inventory.updatePod(pod.id) { $0.state = .notReady }
            }
        }
        for container in containers {
            if living.contains(container.id) {
                await trying("a start", container.id) { try await self.noteStart(of: container, in: pod) }
            } else {
                try await recover(container, as: await monitors.exitRecord(of: container.id, in: pod.id))
            }
        }
    }

    /// The last daemon may have started it without living to record it.
    private func noteStart(of container: Container, in pod: Pod) async throws {
        guard container.record.state == .created, container.record.startedAt != 0,
            try await runs(container, handlers.named(pod.record.handler))
        else { return }
        try await inventory.updateContainer(container.id) { record in
            if record.state == .created { record.state = .running }
        }
    }

    /// A container whose process is gone: as its exit record says, or, where there is none, as kubelet expects of an end
    /// that nobody saw.
    private func recover(_ container: Container, as exit: ContainerExit?) async throws {
        if let exit { return await note(exit) }
        let now = Identity.now()
        try await inventory.updateContainer(container.id) { record in
            guard record.state == .created || record.state == .running else { return }
            record.state = .exited
            record.finishedAt = now
            record.exitCode = 255
            record.reason = "Unknown"
            record.message = "the end of this container was not seen: its monitor is gone"
        }
        await exits.announce(container.id)
    }

    /// The monitor of a pod has gone while the daemon ran: its containers have nobody to write their logs and to take
    /// their exits, so they are ended.
    func monitorIsLost(_ pod: String) async {
        guard let pod = await inventory.pod(pod), pod.isReady else { return }
        log.error("the monitor of a pod has gone: its containers are ended", metadata: ["pod": "\(pod.id)"])
        let containers = await inventory.containers(of: pod.id).filter(\.isAlive)
        await trying("a pod without a monitor", pod.id) {
            try await self.inventory.updatePod(pod.id) { $0.state = .notReady }
        }
        for container in containers {
            let record = await monitors.exitRecord(of: container.id, in: pod.id)
            await trying("a container without a monitor", container.id) {
                try await self.recover(container, as: record)
            }
        }
        for container in containers {
            await trying("a container without a monitor", container.id) {
                try await self.locks.withLock(container.id) { try await self.release(container.id) }
            }
        }
    }

    /// Ends what the last daemon had begun to make or to remove, and takes away what belongs to nobody. A failure is
    /// logged, and tried again by the next daemon.
    func cleanUp() async {
        for container in await inventory.allContainers {
            await trying("a container", container.id) {
                try await self.locks.withLock(container.id) { try await self.finish(container.id) }
            }
        }
        for pod in await inventory.allPods {
            await trying("a pod", pod.id) {
                switch pod.record.state {
                case .creating: _ = try await self.clearHalfMade(pod: pod.id)
                case .removing:
                    try await self.stop(pod)
                    try await self.remove(pod)
                case .ready, .notReady: break
                }
            }
        }
        await removeStrays()
        await trying("networks", "of pods that are gone") {
            let left = try await self.network.leftovers { Set(await self.inventory.allPods.map(\.id)) }
            if let first = left.first { throw first.error }
        }
        await trying("images", "") { try await self.images.collectGarbage() }
    }

    private func finish(_ id: String) async throws {
        guard let container = await inventory.container(id) else { return }
        switch container.record.state {
        case .creating: try await unmake(container)
        case .removing: try await remove(id)
        case .exited: try await release(id)
        case .created, .running: break
        }
    }

    /// Directories in `run` without a record. They are listed first: what is made meanwhile has its record before its
    /// directory.
    private func removeStrays() async {
        let containers = (try? FileTree.list(layout.containersRoot)) ?? []
        let pods = (try? FileTree.list(layout.podsRoot)) ?? []
        let files = (try? FileTree.list(layout.podFilesRoot)) ?? []
        let knownContainers = Set(await inventory.allContainers.map(\.id))
        let knownPods = Set(await inventory.allPods.map(\.id))
        for name in containers where !knownContainers.contains(name) {
            await trying("a stray container", name) { try await self.removeStray(container: name) }
        }
        for name in pods where !knownPods.contains(name) {
            await trying("a stray pod", name) { try await self.tearDown(name) }
        }
        for name in files where !knownPods.contains(name) {
            await trying("files of a stray pod", name) {
                try await self.blocking { [layout = self.layout] in
                    try FileTree.removeTree(layout.podFiles(name))
                }
            }
        }
    }

    private func removeStray(container: String) async throws {
        let layout = layout
        try await blocking {
            let volumes = layout.container(container) + "/volumes"
            for volume in (try? FileTree.list(volumes)) ?? [] { try MountTree.detach("\(volumes)/\(volume)") }
            try MountTree.detach(layout.rootfs(container))
            try FileTree.removeTree(layout.container(container))
        }
    }

    private func trying(_ what: String, _ id: String, _ body: @Sendable () async throws -> Void) async {
        do {
            try await body()
        } catch {
            log.warning(
                "\(what) could not be cleared away", metadata: ["id": "\(id)", "error": "\(error)"])
        }
    }
}
