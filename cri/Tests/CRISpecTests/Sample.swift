import CRIProto
import Diagnosis
import OCISpec
import Synchronization

@testable import CRISpec

/// A host that is what a test says it is.
struct SampleFiles: HostFiles {
    var links: [String: String] = [:]
    var absent: Set<String> = []
    var entries: [String: HostEntry] = [:]
    var directories: [String: [String]] = [:]
    var files: [String: String] = [:]
    /// Below the rootfs.
    var root: [String: String] = [
        "etc/passwd": """
        root:x:0:0:root:/root:/bin/sh
        app:x:1000:1000::/home/app:/bin/sh
        homeless:x:1001:1001
        """,
        "etc/group": """
        root:x:0:
        wheel:x:10:root,app
        app:x:1000:
        data:x:50000:app
        """,
    ]
    var mounts = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    let made = Made()

    final class Made: Sendable {
        private let paths = Mutex<[String]>([])
        var all: [String] { paths.withLock { $0 } }
        func add(_ path: String) { paths.withLock { $0.append(path) } }
    }

    func canonical(_ path: String) throws(SystemError) -> HostPath {
        let path = cleanPath(path)
        return HostPath(path: links[path] ?? path, exists: !absent.contains(path))
    }

    func makeDirectories(_ path: String) throws(SystemError) { made.add(path) }

    func entry(_ path: String) throws(SystemError) -> HostEntry {
        guard let entry = entries[links[path] ?? path] else { throw SystemError("stat \(path)", Errno(2)) }
        return entry
    }

    func list(_ path: String) throws(SystemError) -> [String] {
        guard let names = directories[path] else { throw SystemError("open \(path)", Errno(2)) }
        return names
    }

    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        guard let text = files[path] else { throw SystemError("open \(path)", Errno(2)) }
        return Array(text.utf8.prefix(limit))
    }

    func mountTable() throws(SystemError) -> MountTable { MountTable(mounts) }

    func path(_ path: String, in root: String) throws(SystemError) -> String {
        if absent.contains(path) { throw SystemError("open \(path)", Errno(2)) }
        return root + "/" + path
    }

    func read(_ path: String, in root: String, limit: Int) throws(SystemError) -> [UInt8]? {
        self.root[path].map { Array($0.utf8) }
    }

    static func node(
        _ type: Device.Kind, _ major: UInt32, _ minor: UInt32, mode: UInt32 = 0o666
    ) -> HostEntry {
        .device(HostEntry.DeviceNode(type: type, major: major, minor: minor, fileMode: mode))
    }
}

extension ContainerSpecification {
    /// A container in a pod as the kubelet makes it of a pod that says nothing in particular.
    static func sample(_ change: (inout ContainerSpecification) -> Void = { _ in }) -> ContainerSpecification
    {
        var pod = Runtime_V1_PodSandboxConfig()
        pod.metadata.name = "web"
        pod.metadata.uid = "5d1f5e3c"
        pod.metadata.namespace = "default"
        pod.hostname = "web"
        pod.logDirectory = "/var/log/pods/default_web_5d1f5e3c"
        pod.linux.cgroupParent = "/kubepods/besteffort/pod5d1f5e3c"
        pod.linux.securityContext.namespaceOptions.pid = .container

        var container = Runtime_V1_ContainerConfig()
        container.metadata.name = "nginx"
        container.image.image = "sha256:1111"
        container.image.userSpecifiedImage = "registry.example/nginx:1"
        container.logPath = "nginx/0.log"
        container.linux.resources.oomScoreAdj = 1000
        container.linux.resources.cpuShares = 2
        container.linux.securityContext.namespaceOptions.pid = .container

        var image = ImageDefaults()
        image.entrypoint = ["/docker-entrypoint.sh"]
        image.command = ["nginx", "-g", "daemon off;"]
        image.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION=1"]

        var paths = PodPaths()
        paths.network = "/run/apus-cri/pods/p/ns/net"
        paths.ipc = "/run/apus-cri/pods/p/ns/ipc"
        paths.uts = "/run/apus-cri/pods/p/ns/uts"
        paths.hostname = "/var/lib/apus-cri/pods/p/hostname"
        paths.hosts = "/var/lib/apus-cri/pods/p/hosts"
        paths.resolvConf = "/var/lib/apus-cri/pods/p/resolv.conf"
        paths.sharedMemory = "/run/apus-cri/pods/p/shm"

        var files = SampleFiles()
        files.entries = [
            "/dev": .directory, "/dev/null": SampleFiles.node(.c, 1, 3),
            "/dev/fuse": SampleFiles.node(.c, 10, 229),
            "/dev/sda": SampleFiles.node(.b, 8, 0, mode: 0o660), "/dev/snd": .directory,
            "/dev/snd/seq": SampleFiles.node(.c, 116, 1, mode: 0o660), "/dev/log": .other,
            "/dev/console": SampleFiles.node(.c, 5, 1),
        ]
        files.directories = [
            "/dev": ["snd", "null", "fuse", "sda", "log", "console", "pts"], "/dev/snd": ["seq"],
        ]
        var sample = ContainerSpecification(
            id: "c1", podID: "p1", pod: pod, container: container, image: image, paths: paths,
            rootfs: "/run/apus-cri/containers/c1/rootfs",
            cgroup: .cgroupfs(path: "/kubepods/besteffort/pod5d1f5e3c/c1"), host: HostFacts(),
            handler: HandlerFeatures(recursiveReadOnlyMounts: true, idMappedMounts: true), files: files)
        change(&sample)
        return sample
    }

    var security: Runtime_V1_LinuxContainerSecurityContext {
        get { container.linux.securityContext }
        set { container.linux.securityContext = newValue }
    }

    /// Changes the host of a sample.
    mutating func onHost(_ change: (inout SampleFiles) -> Void) {
        guard var sample = files as? SampleFiles else { return }
        change(&sample)
        files = sample
    }

    mutating func mount(_ path: String, _ host: String, _ change: (inout Runtime_V1_Mount) -> Void = { _ in })
    {
        var mount = Runtime_V1_Mount()
        mount.containerPath = path
        mount.hostPath = host
        change(&mount)
        container.mounts.append(mount)
    }

    /// What a kubelet gives pods with `hostUsers: false`.
    mutating func useUserNamespace() {
        var mapping = Runtime_V1_IDMapping()
        mapping.hostID = 131_072
        mapping.length = 65_536
        var options = Runtime_V1_UserNamespace()
        options.mode = .pod
        options.uids = [mapping]
        options.gids = [mapping]
        pod.linux.securityContext.namespaceOptions.usernsOptions = options
        security.namespaceOptions.usernsOptions = options
        paths.user = "/run/apus-cri/pods/p/ns/user"
    }

    mutating func useHostNetwork() {
        pod.linux.securityContext.namespaceOptions.network = .node
        security.namespaceOptions.network = .node
        paths.network = nil
        paths.uts = nil
    }

    mutating func bePrivileged() {
        pod.linux.securityContext.privileged = true
        security.privileged = true
    }
}

func int64(_ value: Int64) -> Runtime_V1_Int64Value {
    var message = Runtime_V1_Int64Value()
    message.value = value
    return message
}

extension Config {
    func mount(_ target: String) -> Mount? { mounts.last { $0.target == target } }
    func namespace(_ type: Namespace.Kind) -> Namespace? { linux?.namespaces.first { $0.type == type } }
}
