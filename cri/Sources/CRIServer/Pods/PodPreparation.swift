import CRIProto
import CRISpec
import Diagnosis
import MonitorProtocol
import OCISpec

extension PodDemand {
    /// What the pod's monitor is to make before anything else is done.
    func preparation(for pod: String, layout: Layout, settings: PodSettings) -> Preparation {
        var preparation = Preparation()
        if let mappings = namespaces.userMappings {
            preparation.pins.append(.init(.user, at: layout.namespace("user", of: pod)))
            preparation.uidMap = mappings.uids.map(Preparation.IDRange.init)
            preparation.gidMap = mappings.gids.map(Preparation.IDRange.init)
        }
        if hasOwnNetwork {
            preparation.pins.append(.init(.network, at: layout.namespace("net", of: pod)))
            // As containerd and CRI-O do: a pod's host name goes with its network.
            preparation.pins.append(.init(.uts, at: layout.namespace("uts", of: pod)))
            preparation.hostName = config.hostname.isEmpty ? settings.hostname : config.hostname
        }
        if hasOwnIPC { preparation.pins.append(.init(.ipc, at: layout.namespace("ipc", of: pod))) }
        if sharesPID { preparation.pause = .init(at: layout.namespace("pid", of: pod)) }
        preparation.settings = sysctls(settings)
        return preparation
    }

    private func sysctls(_ settings: PodSettings) -> [Preparation.Setting] {
        var values = hasOwnNetwork ? settings.networkSysctls(hasUserNamespace: hasUserNamespace) : [:]
        values.merge(config.linux.sysctls) { _, asked in asked }
        return values.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
    }
}

extension PodNamespaces {
    /// The host's IDs of root in the pod.
    var root: (uid: UInt32, gid: UInt32) {
        guard let userMappings else { return (0, 0) }
        return (Self.hostID(userMappings.uids), Self.hostID(userMappings.gids))
    }

    private static func hostID(_ mappings: [IDMapping]) -> UInt32 {
        // That there is one has been checked.
        mappings.first { $0.containerID == 0 }?.hostID ?? 65534
    }
}

extension Preparation.IDRange {
    fileprivate init(_ mapping: IDMapping) {
        self.init(inside: mapping.containerID, outside: mapping.hostID, count: mapping.size)
    }
}
