import Diagnosis
import Glibc
import Kernel

extension PodRuntime {
    /// Takes away what an ended container still occupies: the runtime's state, its cgroup with whatever process is left in
    /// it, its mounts. Its record and what it wrote stay until RemoveContainer. To be called under the container's lock.
    func release(_ id: String) async throws {
        guard let container = await inventory.container(id), !container.isAlive, !container.record.isReleased
        else {
            return
        }
        try await deleteFromRuntime(container)
        try await unmount(container)
        try await inventory.updateContainer(id) { $0.isReleased = true }
    }

    /// `--force` also ends processes that outlived an init whose pid namespace is the pod's or the host's.
    func deleteFromRuntime(_ container: Container) async throws {
        guard let pod = await inventory.pod(container.record.podID) else { return }
        try await delete(container.id, from: try handlers.named(pod.record.handler))
    }

    func delete(_ id: String, from handler: RuntimeHandler) async throws {
        let result = try await CommandResult.of(handler.delete(id, force: true))
        // crun says so even with --force.
        if result.status != 0, !result.errors.contains("does not exist") {
            throw CRIError(.internal, doing: "delete container \(id) from \(handler.program)", result.words)
        }
    }

    func unmount(_ container: Container) async throws {
        let (layout, id, volumes) = (layout, container.id, container.record.imageVolumes.count)
        try await blocking {
            for index in 0..<volumes { try MountTree.detach(layout.imageVolume(index, of: id)) }
            try MountTree.detach(layout.rootfs(id))
            try FileTree.removeTree(layout.container(id))
        }
    }
}
