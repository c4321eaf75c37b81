import CRIProto
import OCISpec
import Testing

@testable import CRISpec

/// Requests that make no container: each names the field, and leaves nothing behind.
@Suite struct RefusalTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        var pointer: String
        var kind: SpecificationError.Kind
        var says: String
        var change: @Sendable (inout ContainerSpecification) -> Void
        var testDescription: String { "\(pointer): \(says)" }

        init(
            _ pointer: String, _ says: String, _ kind: SpecificationError.Kind = .invalidArgument,
            _ change: @escaping @Sendable (inout ContainerSpecification) -> Void
        ) {
            self.pointer = pointer
            self.kind = kind
            self.says = says
            self.change = change
        }
    }

    static let context = "/config/linux/security_context"
    static let limits = "/config/linux/resources"

    static let process: [Refusal] = [
        .init("/config/command", "nothing to execute") { $0.image = ImageDefaults() },
        .init("/config/command/0", "empty") { $0.container.command = [""] },
        .init("/config/command/1", "NUL") { $0.container.command = ["a", "b\0c"] },
        .init("/config/args/0", "NUL") { $0.container.args = ["\0"] },
        .init("/config/working_dir", "absolute") { $0.container.workingDir = "here" },
        .init("/config/envs/0/key", "name") { $0.container.envs = [variable("A=B", "")] },
        .init("/config/envs/1/key", "name") { $0.container.envs = [variable("A", ""), variable("", "")] },
        .init("/config/envs/0/value", "UTF-8") { sample in
            var variable = Runtime_V1_KeyValue()
            variable.key = "A"
            variable.value = .init([0xff])
            sample.container.envs = [variable]
        },
        .init("/config/envs/0/value", "NUL") { $0.container.envs = [variable("A", "\0")] },
        .init("/config/stop_signal", "99") { $0.container.stopSignal = .UNRECOGNIZED(99) },
        .init("/config/image", "SIGNOT") { $0.image.stopSignal = "SIGNOT" },
        .init("/config/log_path", "out of") { $0.container.logPath = "../../etc/passwd" },
        .init("/sandbox_config/log_directory", "absolute") { $0.pod.logDirectory = "logs" },
        .init("/config/windows", "Windows", .unimplemented) {
            $0.container.windows = Runtime_V1_WindowsContainerConfig()
        },
        .init("/sandbox_config/windows", "Windows", .unimplemented) {
            $0.pod.windows = Runtime_V1_WindowsPodSandboxConfig()
        },
    ]

    static func variable(_ name: String, _ value: String) -> Runtime_V1_KeyValue {
        var variable = Runtime_V1_KeyValue()
        variable.key = name
        variable.value = .init(value.utf8)
        return variable
    }

    static let user: [Refusal] = [
        .init("\(context)/run_as_group", "neither") { $0.security.runAsGroup = int64(5) },
        .init("\(context)/run_as_username", "only one") {
            $0.security.runAsUser = int64(5)
            $0.security.runAsUsername = "app"
        },
        .init("\(context)/run_as_username", "passwd") { $0.security.runAsUsername = "nobody" },
        .init("\(context)/run_as_user/value", "range") { $0.security.runAsUser = int64(-1) },
        .init("\(context)/run_as_user/value", "range") { $0.security.runAsUser = int64(1 << 31) },
        .init("\(context)/run_as_group/value", "range") {
            $0.security.runAsUser = int64(1)
            $0.security.runAsGroup = int64(1 << 40)
        },
        .init("\(context)/supplemental_groups/1", "range") { $0.security.supplementalGroups = [1, -2] },
        .init("\(context)/supplemental_groups_policy", "7") {
            $0.security.supplementalGroupsPolicy = .UNRECOGNIZED(7)
        },
        .init("/config/image", "nobody") { $0.image.user = "nobody" },
        .init("/config/image", "staff") { $0.image.user = "app:staff" },
        .init("/config/image", "range") { $0.image.user = "4294967296" },
        .init("\(context)/run_as_user", "not mapped") {
            $0.useUserNamespace()
            $0.security.runAsUser = int64(70_000)
        },
        .init("\(context)/supplemental_groups", "not mapped") {
            $0.useUserNamespace()
            $0.security.supplementalGroups = [70_000]
        },
    ]

    static let namespaces: [Refusal] = [
        .init("\(context)/namespace_options/network", "NODE") {
            $0.security.namespaceOptions.network = .node
        },
        .init("\(context)/namespace_options/network", "only", .unimplemented) {
            $0.security.namespaceOptions.network = .container
        },
        .init("\(context)/namespace_options/ipc", "NODE") { $0.security.namespaceOptions.ipc = .node },
        .init("\(context)/namespace_options/ipc", "only", .unimplemented) {
            $0.security.namespaceOptions.ipc = .target
        },
        .init("\(context)/namespace_options/pid", "NODE") { $0.security.namespaceOptions.pid = .node },
        .init("\(context)/namespace_options/pid", "POD") { $0.security.namespaceOptions.pid = .pod },
        .init("\(context)/namespace_options/pid", "9") {
            $0.security.namespaceOptions.pid = .UNRECOGNIZED(9)
        },
        .init("\(context)/namespace_options/target_id", "required") {
            $0.security.namespaceOptions.pid = .target
        },
        .init("\(context)/namespace_options/target_id", "no running", .notFound) {
            $0.security.namespaceOptions.pid = .target
            $0.security.namespaceOptions.targetID = "gone"
        },
        .init("\(context)/namespace_options/target_id", "TARGET only") {
            $0.security.namespaceOptions.targetID = "c0"
        },
        .init("\(context)/namespace_options/userns_options", "another") {
            $0.useUserNamespace()
            $0.security.namespaceOptions.usernsOptions.uids[0].hostID = 1
        },
        .init("/sandbox_config/linux/security_context/namespace_options/userns_options/uids/0/length", "0") {
            $0.useUserNamespace()
            $0.pod.linux.securityContext.namespaceOptions.usernsOptions.uids[0].length = 0
        },
        .init("/sandbox_config/linux/security_context/namespace_options/userns_options/gids", "required") {
            $0.useUserNamespace()
            $0.pod.linux.securityContext.namespaceOptions.usernsOptions.gids = []
        },
        .init("/sandbox_config/linux/security_context/namespace_options/userns_options/uids", "no mappings") {
            $0.useUserNamespace()
            $0.pod.linux.securityContext.namespaceOptions.usernsOptions.mode = .node
        },
        .init("/sandbox_config/linux/security_context/namespace_options/userns_options/mode", "POD or NODE") {
            $0.useUserNamespace()
            $0.pod.linux.securityContext.namespaceOptions.usernsOptions.mode = .container
        },
        .init("/sandbox_config/linux/security_context/namespace_options/pid", "TARGET") {
            $0.pod.linux.securityContext.namespaceOptions.pid = .target
        },
        .init("(runtime)", "not pinned", .internal) { $0.paths.network = nil },
    ]

    static let security: [Refusal] = [
        .init("\(context)/privileged", "pod does not allow") { $0.security.privileged = true },
        .init("\(context)/capabilities/add_capabilities/1", "not a capability") {
            $0.security.capabilities.addCapabilities = ["KILL", "FLY"]
        },
        .init("\(context)/capabilities/add_capabilities/0", "bounding set") {
            $0.host.boundingCapabilities.remove(.CAP_SYS_RESOURCE)
            $0.security.capabilities.addCapabilities = ["cap_sys_resource"]
        },
        .init("\(context)/capabilities/drop_capabilities/0", "not a capability") {
            $0.security.capabilities.dropCapabilities = ["NONE"]
        },
        .init("\(context)/capabilities/add_ambient_capabilities/0", "not a capability") {
            $0.security.capabilities.addAmbientCapabilities = ["?"]
        },
        .init("\(context)/seccomp/localhost_ref", "Localhost only") {
            $0.security.seccomp.localhostRef = "/p.json"
        },
        .init("\(context)/seccomp/localhost_ref", "required") {
            $0.security.seccomp.profileType = .localhost
        },
        .init("\(context)/seccomp/localhost_ref", "ENOENT", .notFound) {
            $0.security.seccomp.profileType = .localhost
            $0.security.seccomp.localhostRef = "/p.json"
        },
        .init("\(context)/seccomp/localhost_ref", "not an absolute") {
            $0.security.seccomp.profileType = .localhost
            $0.security.seccomp.localhostRef = "p.json"
        },
        .init("\(context)/seccomp/localhost_ref", "out of") {
            $0.options.seccompRoot = "/var/lib/kubelet/seccomp"
            $0.security.seccomp.profileType = .localhost
            $0.security.seccomp.localhostRef = "../../../etc/shadow"
        },
        .init("\(context)/seccomp/localhost_ref", "/syscalls/0/action") {
            $0.useProfile(#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"NO"}]}"#)
        },
        .init("\(context)/seccomp/localhost_ref", "includes") {
            $0.useProfile(
                #"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}]}"#
            )
        },
        .init("\(context)/seccomp/localhost_ref", "archMap") {
            $0.useProfile(#"{"defaultAction":"SCMP_ACT_ERRNO","archMap":[]}"#)
        },
        .init("\(context)/seccomp/localhost_ref", "defaultAction") { $0.useProfile("{}") },
        .init("\(context)/seccomp/localhost_ref", "p.json") {
            $0.useProfile(#"{"defaultAction":"SCMP_ACT_ALLOW"},"mountLabel":"x""#)
        },
        .init("\(context)/seccomp", "CONFIG_SECCOMP") {
            $0.host.hasSeccomp = false
            $0.security.seccomp.profileType = .runtimeDefault
        },
        .init("\(context)/seccomp/profile_type", "9") {
            $0.security.seccomp.profileType = .UNRECOGNIZED(9)
        },
        .init("\(context)/seccomp_profile_path", "neither") { $0.security.seccompProfilePath = "default" },
        .init("\(context)/apparmor/localhost_ref", "no AppArmor") {
            $0.security.apparmor.profileType = .localhost
            $0.security.apparmor.localhostRef = "mine"
        },
        .init("\(context)/apparmor/localhost_ref", "is loaded", .notFound) {
            $0.host.hasAppArmor = true
            $0.onHost { $0.files["/sys/kernel/security/apparmor/profiles"] = "minelayer (enforce)\n" }
            $0.security.apparmor.profileType = .localhost
            $0.security.apparmor.localhostRef = "mine"
        },
        .init("\(context)/apparmor_profile", "neither") { $0.security.apparmorProfile = "x" },
        .init("\(context)/selinux_options/level", "level") { $0.security.selinuxOptions.level = "high" },
        .init("\(context)/selinux_options/type", "type") { $0.security.selinuxOptions.type = "a:b" },
        .init("\(context)/masked_paths/0", "absolute") { $0.security.maskedPaths = ["proc/kcore"] },
        .init("\(context)/readonly_paths/1", "absolute") { $0.security.readonlyPaths = ["/a", "b"] },
    ]

    static let mounts: [Refusal] = [
        .init("/config/mounts/0/container_path", "root") { $0.mount("/", "/srv") },
        .init("/config/mounts/0/container_path", "root") { $0.mount("", "/srv") },
        .init("/config/mounts/0/host_path", "absolute") { $0.mount("/a", "srv") },
        .init("/config/mounts/0/host_path", "missing", .notFound) {
            $0.options.refusedMissingPaths = ["/etc/hostname"]
            $0.onHost { $0.absent = ["/etc/hostname"] }
            $0.mount("/a", "/etc/hostname")
        },
        .init("/config/mounts/0/propagation", "neither shared") {
            $0.onHost { $0.mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw" }
            $0.mount("/a", "/srv") { $0.propagation = .propagationHostToContainer }
        },
        .init("/config/mounts/0/propagation", "not shared") {
            $0.onHost { $0.mounts = "22 1 8:1 / / rw master:1 - ext4 /dev/sda1 rw" }
            $0.mount("/a", "/srv") { $0.propagation = .propagationBidirectional }
        },
        .init("/config/mounts/0/propagation", "5") {
            $0.mount("/a", "/srv") { $0.propagation = .UNRECOGNIZED(5) }
        },
        .init("/config/mounts/0/recursive_read_only", "readonly") {
            $0.mount("/a", "/srv") { $0.recursiveReadOnly = true }
        },
        .init("/config/mounts/0/recursive_read_only", "PRIVATE") {
            $0.mount("/a", "/srv") {
                $0.readonly = true
                $0.recursiveReadOnly = true
                $0.propagation = .propagationHostToContainer
            }
        },
        .init("/config/mounts/0/recursive_read_only", "RROUnsupported") {
            $0.handler.recursiveReadOnlyMounts = false
            $0.mount("/a", "/srv") {
                $0.readonly = true
                $0.recursiveReadOnly = true
            }
        },
        .init("/config/mounts/0/mount_options/1", "not an option") {
            $0.mount("/a", "/srv") { $0.mountOptions = ["noexec", "rshared"] }
        },
        .init("/config/mounts/0/gidMappings", "required") {
            $0.mount("/a", "/srv") { $0.uidMappings = [mapping(0, 0, 1)] }
        },
        .init("/config/mounts/0/uidMappings/0/length", "0") {
            $0.mount("/a", "/srv") {
                $0.uidMappings = [mapping(0, 0, 0)]
                $0.gidMappings = [mapping(0, 0, 1)]
            }
        },
        .init("/config/mounts/0/uidMappings", "no ID-mapped") {
            $0.handler.idMappedMounts = false
            $0.mount("/a", "/srv") {
                $0.uidMappings = [mapping(0, 0, 1)]
                $0.gidMappings = [mapping(0, 0, 1)]
            }
        },
        .init("/config/mounts/0/host_path", "excludes") {
            $0.mount("/a", "/srv") { $0.image.image = "sha256:2" }
        },
        .init("/config/mounts/0/image/image", "ImageVolumeMountFailed", .notFound) {
            $0.mount("/a", "") { $0.image.image = "sha256:2" }
        },
        .init("/config/mounts/0/image/image", "required") {
            $0.mount("/a", "") { $0.image = Runtime_V1_ImageSpec() }
        },
        .init("/config/mounts/0/image_sub_path", "no image") {
            $0.mount("/a", "/srv") { $0.imageSubPath = "b" }
        },
        .init("/config/mounts/0/readonly", "read-only") {
            $0.imageMounts = [0: "/images/2"]
            $0.mount("/a", "") { $0.image.image = "sha256:2" }
        },
        .init("/config/mounts/0/image_sub_path", "below") {
            $0.imageMounts = [0: "/images/2"]
            $0.mount("/a", "") {
                $0.image.image = "sha256:2"
                $0.imageSubPath = "../3"
            }
        },
        .init("/config/mounts/0/image_sub_path", "ImageVolumeMountFailed", .notFound) {
            $0.onHost { $0.absent = ["none"] }
            $0.imageMounts = [0: "/images/2"]
            $0.mount("/a", "") {
                $0.image.image = "sha256:2"
                $0.imageSubPath = "none"
            }
        },
    ]

    static func mapping(_ container: UInt32, _ host: UInt32, _ length: UInt32) -> Runtime_V1_IDMapping {
        var mapping = Runtime_V1_IDMapping()
        mapping.containerID = container
        mapping.hostID = host
        mapping.length = length
        return mapping
    }

    static let devices: [Refusal] = [
        .init("/config/devices/0/host_path", "ENOENT", .notFound) {
            $0.container.devices = [device("/dev/none", "/dev/none", "rw")]
        },
        .init("/config/devices/0/host_path", "absolute") { $0.container.devices = [device("fuse", "", "")] },
        .init("/config/devices/0/host_path", "neither") {
            $0.container.devices = [device("/dev/log", "", "")]
        },
        .init("/config/devices/0/container_path", "absolute") {
            $0.container.devices = [device("/dev/fuse", "fuse", "")]
        },
        .init("/config/devices/0/permissions", "mknod") {
            $0.container.devices = [device("/dev/fuse", "", "rx")]
        },
        .init("/config/CDI_devices", "/hooks/prestart/0/path") {
            $0.edit = { config in
                config.hooks = Hooks()
                config.hooks?.prestart = [Hook(path: "relative")]
            }
        },
    ]

    static func device(_ host: String, _ container: String, _ permissions: String) -> Runtime_V1_Device {
        var device = Runtime_V1_Device()
        device.hostPath = host
        device.containerPath = container
        device.permissions = permissions
        return device
    }

    static let resources: [Refusal] = [
        .init("\(limits)/cpu_period", "-1") { $0.container.linux.resources.cpuPeriod = -1 },
        .init("\(limits)/cpu_shares", "-1") { $0.container.linux.resources.cpuShares = -1 },
        .init("\(limits)/cpu_quota", "-2") { $0.container.linux.resources.cpuQuota = -2 },
        .init("\(limits)/cpuset_cpus", "a") { $0.container.linux.resources.cpusetCpus = "a" },
        .init("\(limits)/cpuset_mems", "0-") { $0.container.linux.resources.cpusetMems = "0-" },
        .init("\(limits)/memory_limit_in_bytes", "-5") {
            $0.container.linux.resources.memoryLimitInBytes = -5
        },
        .init("\(limits)/memory_swap_limit_in_bytes", "memory has no limit") {
            $0.container.linux.resources.memorySwapLimitInBytes = 5
        },
        .init("\(limits)/memory_swap_limit_in_bytes", "less") {
            $0.container.linux.resources.memoryLimitInBytes = 6
            $0.container.linux.resources.memorySwapLimitInBytes = 5
        },
        .init("\(limits)/oom_score_adj", "range") { $0.container.linux.resources.oomScoreAdj = 1001 },
        .init("\(limits)/hugepage_limits/0/page_size", "huge") {
            $0.container.linux.resources.hugepageLimits = [hugepage("huge")]
        },
        .init("\(limits)/hugepage_limits/0/page_size", "cannot limit") {
            $0.options.toleratesMissingHugetlb = false
            $0.container.linux.resources.hugepageLimits = [hugepage("2MB")]
        },
        .init("\(limits)/unified", "v1") {
            $0.host.isUnified = false
            $0.container.linux.resources.unified = ["memory.high": "1"]
        },
        .init("\(limits)/unified/..~1memory.max", "not a file") {
            $0.container.linux.resources.unified = ["../memory.max": "1"]
        },
    ]

    static func hugepage(_ size: String) -> Runtime_V1_HugepageLimit {
        var limit = Runtime_V1_HugepageLimit()
        limit.pageSize = size
        limit.limit = 1 << 21
        return limit
    }

    @Test(arguments: process + user + namespaces + security + mounts + devices + resources)
    func isRefused(_ refusal: Refusal) throws {
        var sample = ContainerSpecification.sample(refusal.change)
        // What would be made is not.
        sample.onHost { $0.absent.insert("/late") }
        sample.mount("/late", "/late")
        let error = #expect(throws: SpecificationError.self) { try sample.compile() }
        #expect(error?.failure.origin.source == refusal.pointer)
        #expect(error?.kind == refusal.kind)
        #expect(error?.description.contains(refusal.says) == true, "\(error?.description ?? "")")
        #expect((sample.files as? SampleFiles)?.made.all == [])
    }
}

extension ContainerSpecification {
    /// A seccomp profile of the node's with this text.
    mutating func useProfile(_ text: String) {
        onHost { $0.files["/p.json"] = text }
        security.seccomp.profileType = .localhost
        security.seccomp.localhostRef = "/p.json"
    }
}
