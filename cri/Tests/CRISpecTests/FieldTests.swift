import CRIProto
import Foundation
import OCISpec
import Testing

@testable import CRISpec

/// Every field that the interface has of a container and of its pod is in the table below: with what it changes, or
/// with who else sees to it. A field that a later version of api.proto brings is missed here.
@Suite struct FieldTests {
    enum Effect: Sendable {
        /// Setting it changes the outcome: config.json, or another part of ``CompiledContainer``.
        case changes(@Sendable (inout ContainerSpecification) -> Void)
        /// Setting it changes the outcome, and needs a sample that is prepared first.
        case changesAfter(
            @Sendable (inout ContainerSpecification) -> Void, @Sendable (inout ContainerSpecification) -> Void
        )
        /// Setting it is refused as not implemented.
        case refused(@Sendable (inout ContainerSpecification) -> Void)
        /// A message whose fields are in the table themselves.
        case message(String)
        /// Of no matter to a container's specification: who else sees to it.
        case elsewhere(String)
    }

    typealias Sample = ContainerSpecification

    static let table: [String: [String: Effect]] = [
        "ContainerConfig": [
            "metadata": .message("ContainerMetadata"), "image": .message("ImageSpec"),
            "command": .changes { $0.container.command = ["sh"] },
            "args": .changes { $0.container.args = ["-v"] },
            "working_dir": .changes { $0.container.workingDir = "/srv" },
            "envs": .message("KeyValue"), "mounts": .message("Mount"), "devices": .message("Device"),
            "labels": .changes { $0.container.labels = ["a": "b"] },
            "annotations": .changes { $0.container.annotations = ["a": "b"] },
            "log_path": .changes { $0.container.logPath = "other.log" },
            "stdin": .changes { $0.container.stdin = true },
            "stdin_once": .changes { $0.container.stdinOnce = true },
            "tty": .changes { $0.container.tty = true }, "linux": .message("LinuxContainerConfig"),
            "windows": .refused { $0.container.windows = Runtime_V1_WindowsContainerConfig() },
            "CDI_devices": .message("CDIDevice"),
            "stop_signal": .changes { $0.container.stopSignal = .sigusr1 },
        ],
        "ContainerMetadata": [
            "name": .changes { $0.container.metadata.name = "other" },
            "attempt": .elsewhere("the daemon's record, and its name"),
        ],
        "ImageSpec": [
            "image": .changesAfter({ $0.container.image.userSpecifiedImage = "" }) {
                $0.container.image.image = "sha256:2"
            },
            "annotations": .elsewhere("the daemon: choice of the image"),
            "user_specified_image": .changes { $0.container.image.userSpecifiedImage = "other" },
            "runtime_handler": .elsewhere("the daemon: choice of the image"),
            "image_ref": .elsewhere("the daemon: ContainerStatus"),
        ],
        "KeyValue": [
            "key": .changes { $0.container.envs = [RefusalTests.variable("A", "")] },
            "value": .changesAfter({ $0.container.envs = [RefusalTests.variable("A", "")] }) {
                $0.container.envs[0].value = .init("b".utf8)
            },
        ],
        "Mount": [
            "container_path": .changesAfter(mounted) { $0.container.mounts[0].containerPath = "/b" },
            "host_path": .changesAfter(mounted) { $0.container.mounts[0].hostPath = "/b" },
            "readonly": .changesAfter(mounted) { $0.container.mounts[0].readonly = true },
            "selinux_relabel": .changesAfter({
                mounted(&$0); $0.host.hasSELinux = true
            }) {
                $0.container.mounts[0].selinuxRelabel = true
            },
            "propagation": .changesAfter(mounted) {
                $0.container.mounts[0].propagation = .propagationHostToContainer
            },
            "uidMappings": .changesAfter({
                mounted(&$0)
                $0.container.mounts[0].uidMappings = [RefusalTests.mapping(0, 0, 1)]
                $0.container.mounts[0].gidMappings = [RefusalTests.mapping(0, 0, 1)]
            }) { $0.container.mounts[0].uidMappings = [RefusalTests.mapping(0, 5, 1)] },
            "gidMappings": .changesAfter({
                mounted(&$0)
                $0.container.mounts[0].uidMappings = [RefusalTests.mapping(0, 0, 1)]
                $0.container.mounts[0].gidMappings = [RefusalTests.mapping(0, 0, 1)]
            }) { $0.container.mounts[0].gidMappings = [RefusalTests.mapping(0, 5, 1)] },
            "recursive_read_only": .changesAfter({
                mounted(&$0); $0.container.mounts[0].readonly = true
            }) {
                $0.container.mounts[0].recursiveReadOnly = true
            },
            "image": .changesAfter({
                mounted(&$0); $0.imageMounts = [0: "/images/2"]
                $0.container.mounts[0].readonly = true
            }) {
                $0.container.mounts[0].hostPath = ""
                $0.container.mounts[0].image.image = "sha256:2"
            },
            "image_sub_path": .changesAfter({
                $0.imageMounts = [0: "/images/2"]
                $0.mount("/a", "") {
                    $0.readonly = true
                    $0.image.image = "sha256:2"
                }
            }) { $0.container.mounts[0].imageSubPath = "lib" },
            "mount_options": .changesAfter(mounted) { $0.container.mounts[0].mountOptions = ["noexec"] },
        ],
        "IDMapping": [
            "host_id": .changesAfter(mapped) { $0.container.mounts[0].uidMappings[0].hostID = 9 },
            "container_id": .changesAfter(mapped) { $0.container.mounts[0].uidMappings[0].containerID = 9 },
            "length": .changesAfter(mapped) { $0.container.mounts[0].uidMappings[0].length = 9 },
        ],
        "Device": [
            "container_path": .changesAfter(device) { $0.container.devices[0].containerPath = "/dev/x" },
            "host_path": .changesAfter(device) { $0.container.devices[0].hostPath = "/dev/sda" },
            "permissions": .changesAfter(device) { $0.container.devices[0].permissions = "r" },
        ],
        "CDIDevice": ["name": .elsewhere("the daemon: CDI's edits come as ContainerSpecification.edit")],
        "LinuxContainerConfig": [
            "resources": .message("LinuxContainerResources"),
            "security_context": .message("LinuxContainerSecurityContext"),
        ],
        "LinuxContainerResources": [
            "cpu_period": limit { $0.cpuPeriod = 1000 }, "cpu_quota": limit { $0.cpuQuota = -1 },
            "cpu_shares": limit { $0.cpuShares = 5 },
            "memory_limit_in_bytes": limit { $0.memoryLimitInBytes = 1 << 20 },
            "oom_score_adj": limit { $0.oomScoreAdj = -5 }, "cpuset_cpus": limit { $0.cpusetCpus = "0-1" },
            "cpuset_mems": limit { $0.cpusetMems = "0" }, "hugepage_limits": .message("HugepageLimit"),
            "unified": limit { $0.unified = ["pids.max": "5"] },
            "memory_swap_limit_in_bytes": .changesAfter({
                $0.container.linux.resources.memoryLimitInBytes = 1 << 20
            }) { $0.container.linux.resources.memorySwapLimitInBytes = 1 << 21 },
        ],
        "HugepageLimit": [
            "page_size": .changesAfter(hugepages) {
                $0.container.linux.resources.hugepageLimits[0].pageSize = "1GB"
            },
            "limit": .changesAfter(hugepages) { $0.container.linux.resources.hugepageLimits[0].limit = 5 },
        ],
        "LinuxContainerSecurityContext": [
            "capabilities": .message("Capability"),
            "privileged": .changesAfter({ $0.pod.linux.securityContext.privileged = true }) {
                $0.security.privileged = true
            },
            "namespace_options": .message("NamespaceOption"), "selinux_options": .message("SELinuxOption"),
            "run_as_user": .changes { $0.security.runAsUser = int64(5) },
            "run_as_group": .changesAfter({ $0.security.runAsUser = int64(5) }) {
                $0.security.runAsGroup = int64(6)
            },
            "run_as_username": .changes { $0.security.runAsUsername = "app" },
            "readonly_rootfs": .changes { $0.security.readonlyRootfs = true },
            "supplemental_groups": .changes { $0.security.supplementalGroups = [77] },
            "supplemental_groups_policy": .changes { $0.security.supplementalGroupsPolicy = .strict },
            "no_new_privs": .changes { $0.security.noNewPrivs = true },
            "masked_paths": .changes { $0.security.maskedPaths = ["/proc/kcore"] },
            "readonly_paths": .changes { $0.security.readonlyPaths = ["/proc/sys"] },
            "seccomp": .message("SecurityProfile"), "apparmor": .message("SecurityProfile"),
            "apparmor_profile": .changesAfter({ $0.host.hasAppArmor = true }) {
                $0.security.apparmorProfile = "localhost/mine"
            },
            "seccomp_profile_path": .changes { $0.security.seccompProfilePath = "runtime/default" },
        ],
        "SecurityProfile": [
            "profile_type": .changesAfter({ $0.security.seccomp.profileType = .unconfined }) {
                $0.security.seccomp.profileType = .runtimeDefault
            },
            "localhost_ref": .changesAfter({
                $0.host.hasAppArmor = true
                $0.security.apparmor.profileType = .localhost
                $0.security.apparmor.localhostRef = "mine"
            }) { $0.security.apparmor.localhostRef = "yours" },
        ],
        "Capability": [
            "add_capabilities": .changes { $0.security.capabilities.addCapabilities = ["SYS_TIME"] },
            "drop_capabilities": .changes { $0.security.capabilities.dropCapabilities = ["KILL"] },
            "add_ambient_capabilities": .changes {
                $0.security.capabilities.addAmbientCapabilities = ["KILL"]
            },
        ],
        "SELinuxOption": [
            "user": selinux { $0.user = "staff_u" }, "role": selinux { $0.role = "staff_r" },
            "type": selinux { $0.type = "spc_t" }, "level": selinux { $0.level = "s0:c1,c2" },
        ],
        "NamespaceOption": [
            "network": .changesAfter({ $0.security.clearNamespaceOptions() }) {
                $0.pod.linux.securityContext.namespaceOptions.network = .node
            },
            "pid": .changesAfter({
                $0.pod.linux.securityContext.namespaceOptions.pid = .pod
                $0.paths.pid = "/run/pid"
            }) { $0.security.namespaceOptions.pid = .pod },
            "ipc": .changes { $0.pod.linux.securityContext.namespaceOptions.ipc = .node },
            "target_id": .changes {
                $0.paths.targetPID = "/run/target"
                $0.security.namespaceOptions.pid = .target
                $0.security.namespaceOptions.targetID = "c0"
            },
            "userns_options": .message("UserNamespace"),
        ],
        "UserNamespace": [
            "mode": .changes { $0.useUserNamespace() },
            "uids": .changesAfter({ $0.useUserNamespace() }) {
                $0.pod.linux.securityContext.namespaceOptions.usernsOptions.uids[0].hostID = 7
                $0.security.namespaceOptions.usernsOptions.uids[0].hostID = 7
            },
            "gids": .changesAfter({ $0.useUserNamespace() }) {
                $0.pod.linux.securityContext.namespaceOptions.usernsOptions.gids[0].hostID = 7
                $0.security.namespaceOptions.usernsOptions.gids[0].hostID = 7
            },
        ],
        "Int64Value": ["value": .changes { $0.security.runAsUser = int64(9) }],
        "PodSandboxConfig": [
            "metadata": .message("PodSandboxMetadata"), "hostname": .changes { $0.pod.hostname = "other" },
            "log_directory": .changes { $0.pod.logDirectory = "/var/log/other" },
            "dns_config": .elsewhere("the daemon: resolv.conf"),
            "port_mappings": .elsewhere("the daemon: CNI"),
            "labels": .elsewhere("the daemon's record"),
            "annotations": .changesAfter({ $0.options.podAnnotations = ["example.com/*"] }) {
                $0.pod.annotations = ["example.com/a": "b", "example.org/a": "c"]
            },
            "linux": .message("LinuxPodSandboxConfig"),
            "windows": .refused { $0.pod.windows = Runtime_V1_WindowsPodSandboxConfig() },
        ],
        "PodSandboxMetadata": [
            "name": .changes { $0.pod.metadata.name = "other" },
            "uid": .changes { $0.pod.metadata.uid = "other" },
            "namespace": .changes { $0.pod.metadata.namespace = "other" },
            "attempt": .elsewhere("the daemon's record, and the pod's name"),
        ],
        "LinuxPodSandboxConfig": [
            "cgroup_parent": .elsewhere("CgroupPlacement.place"),
            "security_context": .message("LinuxSandboxSecurityContext"),
            "sysctls": .elsewhere("the pod's monitor, in the pod's namespaces"),
            "overhead": .elsewhere("the daemon: the pod's cgroup"),
            "resources": .elsewhere("the daemon: the pod's cgroup"),
        ],
        "LinuxSandboxSecurityContext": [
            "namespace_options": .message("NamespaceOption"),
            "selinux_options": .changesAfter({ $0.host.hasSELinux = true }) {
                $0.pod.linux.securityContext.selinuxOptions.type = "spc_t"
            },
            "run_as_user": .elsewhere("nobody: a pod has no process of an image's"),
            "run_as_group": .elsewhere("PodNamespaces.check"),
            "readonly_rootfs": .elsewhere("nobody: a pod has no root file system"),
            "supplemental_groups": .elsewhere("nobody: a pod has no process of an image's"),
            "supplemental_groups_policy": .elsewhere("PodNamespaces.check"),
            "privileged": .elsewhere("RefusalTests: a privileged container in a pod that is not"),
            "seccomp": .elsewhere("PodNamespaces.check"), "apparmor": .elsewhere("PodNamespaces.check"),
            "seccomp_profile_path": .elsewhere("PodNamespaces.check"),
        ],
    ]

    @Sendable static func mounted(_ sample: inout Sample) { sample.mount("/a", "/srv") }

    @Sendable static func mapped(_ sample: inout Sample) {
        sample.mount("/a", "/srv") {
            $0.uidMappings = [RefusalTests.mapping(0, 0, 1)]
            $0.gidMappings = [RefusalTests.mapping(0, 0, 1)]
        }
    }

    @Sendable static func device(_ sample: inout Sample) {
        sample.container.devices = [RefusalTests.device("/dev/fuse", "/dev/fuse", "rw")]
    }

    @Sendable static func hugepages(_ sample: inout Sample) {
        sample.host.hugepageSizes = ["2MB", "1GB"]
        sample.container.linux.resources.hugepageLimits = [RefusalTests.hugepage("2MB")]
    }

    static func limit(_ change: @escaping @Sendable (inout Runtime_V1_LinuxContainerResources) -> Void)
        -> Effect
    {
        .changes { change(&$0.container.linux.resources) }
    }

    static func selinux(_ change: @escaping @Sendable (inout Runtime_V1_SELinuxOption) -> Void) -> Effect {
        .changesAfter({ $0.host.hasSELinux = true }) { change(&$0.security.selinuxOptions) }
    }

    /// What callers see, as text.
    private func outcome(_ sample: Sample) throws -> String {
        let made = try sample.compile()
        return """
            \(String(decoding: made.json, as: UTF8.self)) \(made.user) \(made.stopSignal) \(made.labels) \
            \(made.annotations) \(made.logPath ?? "") \(made.hasTerminal) \(made.hasInput) \
            \(made.closesInputAfterFirst) \(made.relabels) \(made.warnings)
            """
    }

    @Test(arguments: table.keys.sorted()) func hasItsEffect(_ message: String) throws {
        for (field, effect) in try #require(Self.table[message]).sorted(by: { $0.key < $1.key }) {
            switch effect {
            case .changes(let change): try expectChange("\(message).\(field)", { _ in }, change)
            case .changesAfter(let prepare, let change):
                try expectChange("\(message).\(field)", prepare, change)
            case .refused(let change):
                let error = #expect(throws: SpecificationError.self, "\(message).\(field)") {
                    try Sample.sample(change).compile()
                }
                #expect(error?.kind == .unimplemented)
                #expect(error?.failure.origin.source.hasSuffix("/\(field)") == true)
            case .message(let name): #expect(Self.table[name] != nil, "\(name) has no table")
            case .elsewhere(let who): #expect(!who.isEmpty)
            }
        }
    }

    private func expectChange(
        _ field: String, _ prepare: (inout Sample) -> Void, _ change: (inout Sample) -> Void
    ) throws {
        var sample = Sample.sample(prepare)
        let before = try outcome(sample)
        change(&sample)
        let after = try outcome(sample)
        #expect(before != after, "\(field) is set, and nothing comes of it")
    }

    /// Against the generated code, which has the names of api.proto in a table for each message.
    @Test(arguments: table.keys.sorted()) func isComplete(_ message: String) throws {
        #expect(try Self.fields(of: message) == Set(try #require(Self.table[message]).keys))
    }

    static func fields(of message: String) throws -> Set<String> {
        let source = try #require(Self.generated)
        let marker = "extension Runtime_V1_\(message): "
        let start = try #require(source.range(of: marker))
        let table = try #require(
            source.range(of: "_NameMap(bytecode: \"", range: start.upperBound..<source.endIndex))
        let end = try #require(source.range(of: "\")", range: table.upperBound..<source.endIndex))
        let names = source[table.upperBound..<end.lowerBound].components(separatedBy: "\\0").map { piece in
            // Each name follows an instruction such as \u{3}.
            piece.split(separator: "}").last.map(String.init) ?? ""
        }
        return Set(names.filter { !$0.isEmpty && !$0.contains("{") })
    }

    private static let generated: String? = {
        let tests = "Tests/CRISpecTests/FieldTests.swift"
        let path = #filePath.dropLast(tests.count) + "Sources/CRIProto/api.pb.swift"
        return try? String(contentsOfFile: String(path), encoding: .utf8)
    }()
}
