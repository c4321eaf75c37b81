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
                group.addTask {
                    if try await !self.takeUp(pod.id) { Task { await self.attend(pod.id) } }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Looks for the pod's monitor and asks what became of the containers.
    ///
    /// - Returns: whether that is known now. Else the monitor may be there and its containers may live: it is to be asked
    ///   again.
    private func takeUp(_ id: String) async throws -> Bool {
        guard let pod = await inventory.pod(id), !pod.record.isTornDown else { return true }
        let containers = await inventory.containers(of: id).filter(\.isAlive)
        var living: Set<String> = []
        do {
            living = try await monitors.reconnect(id)
        } catch MonitorError.absent {
            // The host has been booted since, or somebody has killed the monitor.
            if pod.isReady {
                log.error("a pod has lost its monitor: it is not ready any more", metadata: ["pod": "\(id)"])
                try await inventory.updatePod(id) { $0.state = .notReady }
            }
        } catch {
            if !pod.isUnanswered {
                log.error(
                    "a pod's monitor cannot be spoken to: what lives in the pod is not known until it answers",
                    metadata: ["pod": "\(id)", "error": "\(error)"])
            }
            await inventory.setUnanswered(true, pod: id)
            return false
        }
        await inventory.setUnanswered(false, pod: id)
        for container in containers {
            if living.contains(container.id) {
                await trying("a start", container.id) { try await self.noteStart(of: container, in: pod) }
            } else {
                // One that has left has written all records before it took its socket away.
                try await recover(container, as: await monitors.exitRecord(of: container.id, in: id))
            }
        }
        return true
    }

    /// Asks a pod's monitor until it is known what has become of it, and gives back what its ended containers occupy.
    private func attend(_ id: String) async {
        var pause = Duration.milliseconds(20)
        while true {
            do {
                if try await takeUp(id) { break }
            } catch {
                log.error("a pod cannot be recovered yet", metadata: ["pod": "\(id)", "error": "\(error)"])
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
        for container in await inventory.containers(of: id) where container.record.state == .exited {
            await trying("a container without a monitor", container.id) {
                try await self.locks.withLock(container.id) { try await self.release(container.id) }
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

    /// The connection to the monitor of a pod has ended while the daemon ran. If the monitor has gone with it, its
    /// containers have nobody to write their logs and to take their exits: they are ended.
    func monitorIsLost(_ id: String) async {
        guard let pod = await inventory.pod(id), pod.record.state != .creating else { return }
        log.warning("the connection to the monitor of a pod has ended", metadata: ["pod": "\(id)"])
        await attend(id)
    }

    /// Ends what the last daemon had begun to make or to remove, and takes away what belongs to nobody. A failure is
    /// logged, and tried again by the next daemon.
    func cleanUp() async {
        // One of them may have to wait for its runtime.
        async let containers: Void = finishContainers()
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
        await containers
        await trying("images", "") { try await self.images.collectGarbage() }
    }

    private func finishContainers() async {
        await withTaskGroup(of: Void.self) { group in
            for container in await inventory.allContainers {
                group.addTask {
                    await self.trying("a container", container.id) {
                        try await self.locks.withLock(container.id) { try await self.finish(container.id) }
                    }
                }
            }
        }
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
        // A state directory elsewhere may be shared with others.
        let runtimes = handlers.all.filter { $0.stateRoot.hasPrefix(layout.run + "/") }
            .map { ($0, (try? FileTree.list($0.stateRoot)) ?? []) }
        let containers = (try? FileTree.list(layout.containersRoot)) ?? []
        let pods = (try? FileTree.list(layout.podsRoot)) ?? []
        let files = (try? FileTree.list(layout.podFilesRoot)) ?? []
        let knownContainers = Set(await inventory.allContainers.map(\.id))
        let knownPods = Set(await inventory.allPods.map(\.id))
        for (handler, names) in runtimes {
            for name in names where !knownContainers.contains(name) && Identity.isOne(name) {
                await trying("a stray container of a runtime", name) {
                    try await self.delete(name, from: handler)
                }
            }
        }
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
