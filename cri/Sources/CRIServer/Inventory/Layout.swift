/// Where everything of a pod and a container lies (docs/cri.md, "On disk"). All paths are absolute.
struct Layout: Sendable {
    /// What outlives a boot of the host.
    let root: String
    /// What does not.
    let run: String

    var database: String { root + "/state.db" }
    var podFilesRoot: String { root + "/pods" }
    var podsRoot: String { run + "/pods" }
    var containersRoot: String { run + "/containers" }

    /// Files that are mounted into a pod's containers: `hostname`, `hosts`, `resolv.conf`.
    func podFiles(_ pod: String) -> String { podFilesRoot + "/" + pod }
    /// What is of a living pod: its monitor's socket, namespaces, shm, exit records.
    func pod(_ pod: String) -> String { podsRoot + "/" + pod }
    func monitorSocket(_ pod: String) -> String { self.pod(pod) + "/monitor.sock" }
    func namespace(_ kind: String, of pod: String) -> String { self.pod(pod) + "/ns/" + kind }
    func sharedMemory(_ pod: String) -> String { self.pod(pod) + "/shm" }
    func exitRecord(_ container: String, of pod: String) -> String { "\(self.pod(pod))/exits/\(container)" }

    /// The bundle.
    func container(_ container: String) -> String { containersRoot + "/" + container }
    func rootfs(_ container: String) -> String { self.container(container) + "/rootfs" }
    func pidFile(_ container: String) -> String { self.container(container) + "/init.pid" }
    /// Where an image that is mounted as a volume is seen.
    func imageVolume(_ index: Int, of container: String) -> String {
        "\(self.container(container))/volumes/\(index)"
    }
}
