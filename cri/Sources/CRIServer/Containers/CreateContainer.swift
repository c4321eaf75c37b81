import CRIProto
import CRISpec
import Diagnosis
import Foundation
import Images
import Kernel
import OCISpec

extension PodRuntime {
    package func createContainer(
        _ request: Runtime_V1_CreateContainerRequest, _ context: CallContext
    ) async throws -> Runtime_V1_CreateContainerResponse {
        guard request.hasConfig else { throw CRIError.invalid("/config", "is missing") }
        guard request.config.hasMetadata, !request.config.metadata.name.isEmpty else {
            throw CRIError.invalid("/config/metadata/name", "is missing")
        }
        guard !request.config.image.image.isEmpty else {
            throw CRIError.invalid("/config/image/image", "is empty")
        }
        let id = Identity.make()
        // Nobody waits for this but the caller, and it is short: whether the caller goes away makes no difference.
        try await toTheEnd {
            try await self.locks.withLock(id) {
                let pod = try await self.existingPod(request.podSandboxID)
                try await self.locks.withLock(pod.id) { try await self.reserve(id, in: pod.id, request) }
                do {
                    try await self.make(id, in: pod, request)
                } catch {
                    await self.undo(id)
                    throw error
                }
            }
        }
        return .with { $0.containerID = id }
    }

    /// Takes the name, while the pod cannot be stopped: who stops it then waits for this container, too.
    private func reserve(_ id: String, in podID: String, _ request: Runtime_V1_CreateContainerRequest)
        async throws
    {
        let pod = try await existingPod(podID)
        guard pod.isReady else { throw CRIError.precondition("pod sandbox \(pod.id) is not ready") }
        let container = Container(
            record: ContainerRecord(
                id: id, podID: pod.id, createdAt: Identity.now(), config: try request.config.serializedData()),
            config: request.config)
        while let holder = try await inventory.insert(container) {
            guard try await clearHalfMade(container: holder) else {
                throw CRIError(
                    .alreadyExists,
                    Failure(
                        at: "/config/metadata", "the name \(container.name) is that of container \(holder)"))
            }
        }
    }

    /// Whoever makes a container holds its lock: one that is half made when the lock is free was left by an earlier
    /// daemon.
    ///
    /// - Returns: whether it is gone.
    private func clearHalfMade(container id: String) async throws -> Bool {
        try await locks.withLock(id) {
            guard let container = await self.inventory.container(id) else { return true }
            guard container.record.state == .creating else { return false }
            try await self.unmake(container)
            return true
        }
    }

    private func make(_ id: String, in pod: Pod, _ request: Runtime_V1_CreateContainerRequest) async throws {
        let config = request.config
        guard let image = try await images.image(config.image.image) else {
            throw CRIError(
                .notFound,
                Failure(at: "/config/image/image", "\"\(config.image.image)\" is not here", remedy: "pull it")
            )
        }
        let handler = try handlers.named(pod.record.handler)
        let volumes = try await imageVolumes(of: config, container: id)
        try await inventory.updateContainer(id) { record in
            record.imageID = image.id
            record.imageReference = image.repoDigests.first ?? image.id
            record.imageVolumes = volumes.map(\.snapshot)
        }
        let namespaces = try PodNamespaces(of: pod.config, at: "/sandbox_config")
        let mountOptions = SnapshotMountOptions(
            userNamespace: namespaces.userMappings == nil ? nil : layout.namespace("user", of: pod.id))
        try await images.prepareSnapshot(id, image: image, idMaps: namespaces.userMappings.map(IDMaps.init))
        try await blocking { [layout] in try FileTree.makeDirectories(layout.rootfs(id), mode: 0o755) }
        try await images.mountSnapshot(id, at: layout.rootfs(id), mountOptions)
        let mounted = try await mount(volumes, of: id, mountOptions)
        let target = try await targetNamespace(of: config, in: pod)
        let specification = try await specification(
            id, pod, config, image: image, handler: handler, imageMounts: mounted, target: target)
        let compiled = try await blocking { try specification.compile() }
        if let relabel = compiled.relabels.first {
            throw CRIError(
                .unimplemented,
                Failure(at: relabel.pointer, "volumes are not labelled anew yet: \(relabel.path)"))
        }
        for warning in compiled.warnings { log.warning("\(warning)", metadata: ["container": "\(id)"]) }
        try await blocking { [layout] in
            try FileTree.replace(layout.container(id) + "/config.json", with: compiled.json, mode: 0o600)
            if let log = compiled.logPath {
                try FileTree.makeDirectories(
                    String(log[..<(log.lastIndex(of: "/") ?? log.endIndex)]), mode: 0o755)
            }
        }
        let pid = try await monitors.monitor(of: pod.id).create(
            id, handler, bundle: layout.container(id), pidFile: layout.pidFile(id), compiled)
        withExtendedLifetime(target) {}
        let cgroups = (try? InitCgroups.directories(ofProcess: pid)) ?? [:]
        let status = Runtime_V1_ContainerStatus.with {
            $0.mounts = compiled.mounts
            // What PullImage called it.
            for volume in volumes { $0.mounts[volume.index].image.imageRef = volume.image.id }
        }
        let record = (
            user: try compiled.user.message.serializedData(), mounts: try status.serializedData(),
            resources: try config.linux.resources.serializedData()
        )
        try await inventory.updateContainer(id) {
            $0.state = .created
            $0.logPath = compiled.logPath ?? ""
            $0.stopSignal = compiled.stopSignal.number
            $0.stopSignalValue = compiled.stopSignal.message.rawValue
            $0.user = record.user
            $0.mounts = record.mounts
            $0.resources = record.resources
            $0.pid = pid
            $0.cgroups = cgroups
        }
    }

    /// What cannot be undone now is left to be seen as a container that has ended: whoever removes it tries again.
    private func undo(_ id: String) async {
        guard let container = await inventory.container(id) else { return }
        do {
            try await unmake(container)
        } catch {
            log.warning(
                "a container that failed could not be undone",
                metadata: ["container": "\(id)", "error": "\(error)"])
            let now = Identity.now()
            _ = try? await inventory.updateContainer(id) { record in
                record.state = .exited
                record.finishedAt = now
                record.exitCode = 128
                record.reason = "CreateError"
                record.message = "\(error)"
            }
        }
    }

    /// Nothing is left of a container that did not come to be, not even its name. To be called under its lock.
    func unmake(_ container: Container) async throws {
        try await monitors.dismiss(container.id, of: container.record.podID)
        try await deleteFromRuntime(container)
        try await unmount(container)
        try await discard(container)
    }
}

extension IDMaps {
    fileprivate init(_ mappings: PodNamespaces.UserMappings) {
        self.init(uids: mappings.uids.map(IDRange.init), gids: mappings.gids.map(IDRange.init))
    }
}

extension IDRange {
    fileprivate init(_ mapping: IDMapping) {
        self.init(containerID: mapping.containerID, hostID: mapping.hostID, count: mapping.size)
    }
}
