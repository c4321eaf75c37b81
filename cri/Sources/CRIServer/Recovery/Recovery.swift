import CRIProto
import Diagnosis
import Kernel

extension PodRuntime {
    /// Carries on where the last daemon ended, however it ended: finds the monitors of its pods, notes the exits that
    /// happened meanwhile, and undoes what was half made. What takes time is left to ``cleanUp()``.
    ///
    /// To be called before the first call is served.
    func recover() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pod in await inventory.allPods where pod.isReady {
                group.addTask { try await self.recover(pod) }
            }
            try await group.waitForAll()
        }
        // Nobody else can hold these locks yet.
        for pod in await inventory.allPods where !pod.isReady {
            for container in await inventory.containers(of: pod.id) where container.isAlive {
                try await recover(container, as: await monitors.exitRecord(of: container.id, in: pod.id))
            }
        }
    }

    /// Looks for the pod's monitor and asks what became of the containers.
    private func recover(_ pod: Pod) async throws {
        let containers = await inventory.containers(of: pod.id).filter(\.isAlive)
        do {
            let alive = try await monitors.reconnect(pod.id)
            for container in containers {
                if alive.contains(container.id) {
                    try await noteStart(of: container, in: pod)
                } else {
                    try await recover(container, as: await monitors.exitRecord(of: container.id, in: pod.id))
                }
            }
        } catch {
            // The host has been booted since, or somebody has killed the monitor.
            log.warning(
                "a pod has lost its monitor: it is not ready any more",
                metadata: ["pod": "\(pod.id)", "error": "\(error)"])
            try await inventory.updatePod(pod.id) { $0.state = .notReady }
            for container in containers {
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
        do {
            try await inventory.updatePod(pod.id) { $0.state = .notReady }
            for container in await inventory.containers(of: pod.id) where container.isAlive {
                try await recover(container, as: await monitors.exitRecord(of: container.id, in: pod.id))
                try await locks.withLock(container.id) { try await self.release(container.id) }
            }
        } catch {
            log.error("what it left cannot be cleared", metadata: ["pod": "\(pod.id)", "error": "\(error)"])
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
                case .creating: try await self.locks.withLock(pod.id) { try await self.unmake(pod) }
                case .removing:
                    try await self.stop(pod)
                    try await self.remove(pod)
                case .ready, .notReady: break
                }
            }
        }
        await removeStrays()
        let living = Set(await inventory.allPods.map(\.id))
        await trying("networks", "of pods that are gone") {
            for leftover in try await self.network.leftovers(alive: living) { throw leftover.error }
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

    /// Directories in `run` without a record.
    private func removeStrays() async {
        let pods = Set(await inventory.allPods.map(\.id))
        let containers = Set(await inventory.allContainers.map(\.id))
        let (layout, names) = (layout, (try? FileTree.list(layout.containersRoot)) ?? [])
        for name in names where !containers.contains(name) {
            await trying("a stray container", name) {
                try await self.blocking {
                    let volumes = layout.container(name) + "/volumes"
                    for volume in (try? FileTree.list(volumes)) ?? [] {
                        try MountTree.detach("\(volumes)/\(volume)")
                    }
                    try MountTree.detach(layout.rootfs(name))
                    try FileTree.removeTree(layout.container(name))
                }
            }
        }
        for name in (try? FileTree.list(layout.podsRoot)) ?? [] where !pods.contains(name) {
            await trying("a stray pod", name) { try await self.tearDown(name) }
        }
        for name in (try? FileTree.list(layout.podFilesRoot)) ?? [] where !pods.contains(name) {
            await trying("files of a stray pod", name) {
                try await self.blocking { try FileTree.removeTree(layout.podFiles(name)) }
            }
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
