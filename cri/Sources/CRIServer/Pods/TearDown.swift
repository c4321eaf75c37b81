import Diagnosis
import Glibc
import Kernel

extension PodRuntime {
    /// Undoes what was made for a pod, however much of it there is: its network, its monitor and PID 1, its mounts. To be
    /// called under the pod's lock when no container of it lives; may be called again.
    func tearDown(_ pod: String) async throws {
        // Knows by its cache whether there is one.
        try await network.detach(pod: pod)
        try await monitors.end(pod)
        try await blocking {
            try self.unmountAll(of: pod)
            try FileTree.removeTree(self.layout.pod(pod))
        }
    }

    /// What is mounted for a pod: shm, and the pins of its namespaces.
    private func unmountAll(of pod: String) throws(SystemError) {
        try MountTree.detach(layout.sharedMemory(pod))
        let pins = layout.namespace("", of: pod)
        guard FileTree.exists(pins) else { return }
        for name in try FileTree.list(pins) { try MountTree.detach(layout.namespace(name, of: pod)) }
    }

    func removeFiles(of pod: Pod) throws { try FileTree.removeTree(layout.podFiles(pod.id)) }
}
