import Diagnosis
import Kernel

extension PodRuntime {
    /// What the pod's containers get as /etc/hostname, /etc/hosts and /etc/resolv.conf; given to the pod's root.
    func writeFiles(of pod: Pod, _ demand: PodDemand, addresses: [String]) throws {
        let files = PodFiles(directory: layout.podFiles(pod.id))
        let name = demand.config.hostname.isEmpty ? settings.hostname : demand.config.hostname
        let isHost = !demand.hasOwnNetwork
        try files.write(
            name: name, dns: demand.config.hasDnsConfig ? demand.config.dnsConfig : nil,
            usesHostNetwork: isHost)
        try files.writeHosts(name: name, addresses: addresses, usesHostNetwork: isHost)
        let root = demand.namespaces.root
        guard root != (0, 0) else { return }
        for path in [files.hostname, files.hosts, files.resolver] {
            try FileTree.changeOwner(path, uid: root.uid, gid: root.gid)
        }
    }
}
