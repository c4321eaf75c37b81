import CRIProto
import Diagnosis
import OCISpec

/// Everything that a container's config.json is made of: what the kubelet asked for, and what the daemon knows.
///
/// ``compile()`` asks the host through ``files`` only: for links and mounts below host paths, device nodes, profiles,
/// and the accounts in the rootfs. Those calls may block; it is not for the cooperative pool.
package struct ContainerSpecification: Sendable {
    /// The container's, as in `CreateContainerResponse`.
    package var id: String
    package var podID: String
    package var pod: Runtime_V1_PodSandboxConfig
    package var container: Runtime_V1_ContainerConfig
    package var image: ImageDefaults
    package var paths: PodPaths
    /// Absolute path of the mounted root file system.
    package var rootfs: String
    package var cgroup: CgroupPlacement
    package var host: HostFacts
    package var options = SpecificationOptions()
    package var handler: HandlerFeatures
    /// What is changed when everything that the request says is in: above all the edits that CDI devices want,
    /// `{ edits.apply(to: &$0) }`. What it makes of the configuration is checked, and blamed on `CDI_devices`.
    package var edit: (@Sendable (inout Config) -> Void)?
    /// The directory that each image of `config.mounts[*].image` is unpacked or mounted at, by the mount's index.
    package var imageMounts: [Int: String] = [:]
    /// Directories on the host for ``ImageDefaults/volumes``, by destination. A volume without one is a part of
    /// what the container writes.
    package var volumeDirectories: [String: String] = [:]
    package var files: any HostFiles

    package init(
        id: String, podID: String, pod: Runtime_V1_PodSandboxConfig, container: Runtime_V1_ContainerConfig,
        image: ImageDefaults, paths: PodPaths, rootfs: String, cgroup: CgroupPlacement, host: HostFacts,
        handler: HandlerFeatures, files: any HostFiles = LocalFiles()
    ) {
        self.id = id
        self.podID = podID
        self.pod = pod
        self.container = container
        self.image = image
        self.paths = paths
        self.rootfs = rootfs
        self.cgroup = cgroup
        self.host = host
        self.handler = handler
        self.files = files
    }
}

/// What an image's configuration says of its containers (image-spec, config.md).
package struct ImageDefaults: Equatable, Sendable {
    package var entrypoint: [String] = []
    package var command: [String] = []
    /// `NAME=VALUE`.
    package var environment: [String] = []
    package var workingDirectory = ""
    /// `user`, `uid`, `user:group`, `uid:gid` and the mixed forms.
    package var user = ""
    /// A name or a number.
    package var stopSignal = ""
    /// Destinations.
    package var volumes: [String] = []

    package init() {}
}

/// What the pod has that its containers share.
package struct PodPaths: Equatable, Sendable {
    /// Pinned namespaces; nil is the host's.
    package var network: String?
    package var ipc: String?
    package var uts: String?
    package var user: String?
    /// Nil where the pod has none of its own: it is the host's, or each container has one.
    package var pid: String?
    /// The pid namespace of the container that `namespace_options.target_id` names.
    package var targetPID: String?
    /// Files for /etc, nil where the container keeps the image's. In a pod with user mappings the daemon gives
    /// them to the pod's root.
    package var hostname: String?
    package var hosts: String?
    package var resolvConf: String?
    /// The directory that is the pod's /dev/shm.
    package var sharedMemory: String?
    /// The categories that the pod's containers share, for instance `s0:c12,c345`, where SELinux is on.
    package var selinuxLevel: String?

    package init() {}
}

/// What the runtime of the pod's handler can do, as Status reports it.
package struct HandlerFeatures: Equatable, Sendable {
    package var recursiveReadOnlyMounts: Bool
    package var idMappedMounts: Bool

    package init(recursiveReadOnlyMounts: Bool = false, idMappedMounts: Bool = false) {
        self.recursiveReadOnlyMounts = recursiveReadOnlyMounts
        self.idMappedMounts = idMappedMounts
    }
}
