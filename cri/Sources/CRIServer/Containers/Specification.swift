import CRIProto
import CRISpec
import Diagnosis
import Images
import Kernel

extension PodRuntime {
    /// All that a container's config.json is made of.
    ///
    /// - Parameters:
    ///   - imageMounts: where images that are mounted as volumes are to be seen, by the mount's index.
    ///   - target: what ``targetNamespace(of:in:)`` has found.
    func specification(
        _ id: String, _ pod: Pod, _ config: Runtime_V1_ContainerConfig, image: StoredImage,
        handler: RuntimeHandler, imageMounts: [Int: String], target: HeldNamespace?
    ) async throws -> ContainerSpecification {
        try checkPrivilege(of: config, in: pod)
        let namespaces = try PodNamespaces(of: pod.config, at: "/sandbox_config")
        var paths = PodPaths()
        if !namespaces.isHostNetwork {
            paths.network = layout.namespace("net", of: pod.id)
            paths.uts = layout.namespace("uts", of: pod.id)
        }
        if !namespaces.isHostIPC { paths.ipc = layout.namespace("ipc", of: pod.id) }
        if namespaces.pid == .pod { paths.pid = layout.namespace("pid", of: pod.id) }
        if namespaces.userMappings != nil { paths.user = layout.namespace("user", of: pod.id) }
        paths.targetPID = target?.path
        paths.hostname = layout.podFiles(pod.id) + "/hostname"
        paths.hosts = layout.podFiles(pod.id) + "/hosts"
        paths.resolvConf = layout.podFiles(pod.id) + "/resolv.conf"
        paths.sharedMemory = namespaces.isHostIPC ? "/dev/shm" : layout.sharedMemory(pod.id)
        var specification = ContainerSpecification(
            id: id, podID: pod.id, pod: pod.config, container: config, image: ImageDefaults(image),
            paths: paths,
            rootfs: layout.rootfs(id),
            cgroup: try .place(
                id, below: pod.config.linux.cgroupParent, driver: handler.usesSystemd ? .systemd : .cgroupfs,
                prefix: "cri-apus"),
            host: host, handler: await features.of(handler).specification)
        specification.options = settings.specification(of: handler)
        specification.imageMounts = imageMounts
        let edits = try await deviceEdits(of: config)
        specification.edit = { edits.apply(to: &$0) }
        return specification
    }

    /// What the container's CDI devices want of it.
    private func deviceEdits(of config: Runtime_V1_ContainerConfig) async throws -> ContainerEdits {
        let names = try CDIRegistry.devices(
            field: config.cdiDevices.map(\.name), annotations: config.annotations)
        guard !names.isEmpty else { return ContainerEdits() }
        let registry = CDIRegistry(directories: settings.cdiDirectories)
        return try await blocking { try registry.edits(for: names) }
    }

    /// Whoever may run privileged containers has said so of the pod already.
    private func checkPrivilege(of config: Runtime_V1_ContainerConfig, in pod: Pod) throws(CRIError) {
        if config.linux.securityContext.privileged, !pod.config.linux.securityContext.privileged {
            throw CRIError.invalid(
                "/config/linux/security_context/privileged", "the pod sandbox is not privileged",
                remedy: "set /config/linux/security_context/privileged of the sandbox, too")
        }
    }

    /// The pid namespace of the container that is to be looked into (ephemeral containers, `kubectl debug --target`).
    func targetNamespace(of config: Runtime_V1_ContainerConfig, in pod: Pod) async throws -> HeldNamespace? {
        let options = config.linux.securityContext.namespaceOptions
        guard options.pid == .target else { return nil }
        let place: Pointer = "/config/linux/security_context/namespace_options/target_id"
        guard let target = try await inventory.container(beginning: options.targetID),
            target.record.podID == pod.id
        else {
            throw CRIError.invalid(place, "\"\(options.targetID)\" is no container of this pod")
        }
        guard target.record.state == .running, let pid = target.record.pid else {
            throw CRIError(
                .failedPrecondition,
                Failure(
                    at: place,
                    "container \(target.id) is \(target.record.state.rawValue): only a running one has processes"
                ))
        }
        let namespace = try HeldNamespace("pid", ofProcess: pid)
        guard try await monitors.isAlive(target.id, pid: pid, in: pod.id) else {
            throw CRIError(.failedPrecondition, Failure(at: place, "container \(target.id) has just ended"))
        }
        return namespace
    }
}

/// A namespace that stays the same one, whatever becomes of the process it was found at.
final class HeldNamespace: Sendable {
    private let file: FileDescriptor

    init(_ name: String, ofProcess pid: Int32) throws(SystemError) {
        file = try NamespaceFile.open(name, ofProcess: pid)
    }

    /// Where others can open it as long as this is held.
    var path: String { "/proc/\(ProcessControl.ownPID)/fd/\(file.number)" }
}

extension ImageDefaults {
    init(_ image: StoredImage) {
        self.init()
        let settings = image.configuration.config
        entrypoint = settings.entrypoint
        command = settings.command
        environment = settings.environment
        workingDirectory = settings.workingDirectory
        user = settings.user
        stopSignal = settings.stopSignal
        volumes = settings.volumes
    }
}
