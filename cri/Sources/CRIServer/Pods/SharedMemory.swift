import Diagnosis
import Glibc
import Kernel

extension PodRuntime {
    /// The tmpfs that is /dev/shm in the pod's containers (shm_overview(7)), given to the pod's root.
    func mountSharedMemory(of pod: String, _ demand: PodDemand) throws {
        let place = layout.sharedMemory(pod)
        try FileTree.makeDirectories(place, mode: 0o755)
        let root = demand.namespaces.root
        var options: [(key: String, value: String?)] = [
            ("mode", "1777"), ("size", String(settings.sharedMemorySize)),
        ]
        if root.uid != 0 { options.append(("uid", String(root.uid))) }
        if root.gid != 0 { options.append(("gid", String(root.gid))) }
        var complaint = ""
        do throws(SystemError) {
            let mount = try MountTree.make(
                "tmpfs", source: "shm", options: options,
                attributes: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
                complaint: &complaint)
            try MountTree.attach(mount, at: place)
        } catch {
            throw Failure(.runtime, doing: error.doing, errno: error.errno, reason: complaint)
        }
    }

    /// Directories of the pod in `run`, which the monitor puts its pins and exit records into.
    func makeDirectories(of pod: String) throws(SystemError) {
        for path in [layout.namespace("", of: pod), layout.pod(pod) + "/exits"] {
            try FileTree.makeDirectories(path, mode: 0o700)
        }
        try FileTree.makeDirectories(layout.podFiles(pod), mode: 0o755)
    }
}
