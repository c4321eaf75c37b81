import Cgroups
import Diagnosis
import OCISpec

extension ContainerRecord {
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("ociVersion", ociVersion)
            writer.member("id", id)
            writer.member("init_process_pid", Int(initPID))
            writer.key("init_process_start")
            writer.unsigned(initStart)
            writer.member("created", created)
            writer.member("bundle", bundle)
            writer.member("rootfs", rootfs)
            if let configPath { writer.member("config_path", configPath) }
            writer.member("annotations", annotations)
            writer.member("rootless", rootless)
            writer.key("cgroup_paths")
            writer.object { writer in
                // As if all had been sorted by their keys.
                if let unified = cgroup.unified { writer.member("", unified.path) }
                if let legacy = cgroup.legacy {
                    for (controller, path) in legacy.paths.sorted(by: { $0.key < $1.key }) {
                        writer.member(controller, path)
                    }
                }
            }
            if let unit = cgroup.unit {
                writer.member("systemd_unit", unit.name)
                writer.member("systemd_user", unit.isUser)
            }
            writer.member("private_pid_namespace", hasPrivatePIDNamespace)
            switch mark {
            case .projectIDs(let numbers):
                writer.key("project_ids")
                writer.array { writer in for number in numbers { writer.unsigned(UInt64(number)) } }
            case .mountNamespace(let id):
                writer.key("mount_namespace")
                writer.unsigned(id)
            case nil: break
            }
            if noNewKeyring { writer.member("no_new_keyring", true) }
            if !resources.isEmpty {
                writer.key("resources")
                writer.json(resources)
            }
            if !deviceNodes.isEmpty { writer.member("device_nodes", deviceNodes) }
            if let intelRdt {
                writer.key("intel_rdt")
                intelRdt.encode(to: &writer)
            }
            if !externalDescriptors.isEmpty { writer.member("external_descriptors", externalDescriptors) }
            if hasRestoredClocks { writer.member("restored_clocks", true) }
            if !startContainerHooks.isEmpty || !poststartHooks.isEmpty || !poststopHooks.isEmpty {
                var hooks = Hooks()
                hooks.startContainer = startContainerHooks
                hooks.poststart = poststartHooks
                hooks.poststop = poststopHooks
                writer.key("hooks")
                hooks.encode(to: &writer)
            }
        }
        return writer.bytes
    }

    init(json bytes: [UInt8]) throws(Failure) {
        var reader = try JSONReader(bytes)
        var version: String?
        var id: String?
        var pid: Int32?
        var start: UInt64?
        var bundle = ""
        var rootfs = ""
        var created = ""
        var annotations = [String: String]()
        var rootless = false
        var unifiedCgroup: String?
        var legacyCgroups = [String: String]()
        var unit: String?
        var isUserUnit = false
        var isPrivate = false
        var mark: NamespaceMark?
        var noNewKeyring = false
        var resources: [UInt8] = []
        var deviceNodes: [String] = []
        var intelRdt: IntelRdtGroup?
        var configPath: String?
        var descriptors: [String] = []
        var hasRestoredClocks = false
        var hooks: Hooks?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "ociVersion": version = try reader.string()
            case "id": id = try reader.string()
            case "init_process_pid": pid = try reader.int32()
            case "init_process_start": start = try reader.uint64()
            case "bundle": bundle = try reader.string()
            case "rootfs": rootfs = try reader.string()
            case "created": created = try reader.string()
            case "annotations":
                try reader.beginMap()
                while let name = try reader.nextKey() { annotations[name] = try reader.text() }
            case "rootless": rootless = try reader.bool()
            case "cgroup_paths":
                try reader.beginMap()
                while let name = try reader.nextKey() {
                    let path = try reader.string()
                    if name.isEmpty { unifiedCgroup = path } else { legacyCgroups[name] = path }
                }
            case "systemd_unit": unit = try reader.string()
            case "systemd_user": isUserUnit = try reader.bool()
            case "private_pid_namespace": isPrivate = try reader.bool()
            case "project_ids":
                var numbers: [UInt32] = []
                try reader.beginArray()
                while try reader.nextElement() { numbers.append(try reader.uint32()) }
                mark = .projectIDs(numbers)
            case "mount_namespace": mark = .mountNamespace(try reader.uint64())
            case "no_new_keyring": noNewKeyring = try reader.bool()
            case "resources": resources = try reader.json()
            case "device_nodes": deviceNodes = try reader.strings()
            case "intel_rdt": intelRdt = try IntelRdtGroup(from: &reader)
            case "config_path": configPath = try reader.string()
            case "external_descriptors": descriptors = try reader.strings()
            case "restored_clocks": hasRestoredClocks = try reader.bool()
            case "hooks": hooks = try Hooks(from: &reader)
            default: break
            }
        }
        guard let version else { throw reader.missing("ociVersion") }
        guard let id else { throw reader.missing("id") }
        guard let pid else { throw reader.missing("init_process_pid") }
        guard let start else { throw reader.missing("init_process_start") }
        try reader.finish()
        self.init(
            ociVersion: version, id: id, bundle: bundle, rootfs: rootfs, annotations: annotations,
            created: created, initPID: pid, initStart: start,
            cgroup: ContainerCgroup(
                unified: unifiedCgroup, legacy: legacyCgroups,
                unit: unit.map { SystemdUnit(name: $0, isUser: isUserUnit) }),
            hasPrivatePIDNamespace: isPrivate, rootless: rootless, hooks: hooks ?? Hooks())
        self.mark = mark
        self.noNewKeyring = noNewKeyring
        self.resources = resources
        self.deviceNodes = deviceNodes
        self.intelRdt = intelRdt
        self.configPath = configPath
        externalDescriptors = descriptors
        self.hasRestoredClocks = hasRestoredClocks
    }

    private init(
        ociVersion: String, id: String, bundle: String, rootfs: String, annotations: [String: String],
        created: String, initPID: Int32, initStart: UInt64, cgroup: ContainerCgroup,
        hasPrivatePIDNamespace: Bool, rootless: Bool, hooks: Hooks
    ) {
        self.ociVersion = ociVersion
        self.id = id
        self.bundle = bundle
        self.rootfs = rootfs
        self.annotations = annotations
        self.created = created
        self.initPID = initPID
        self.initStart = initStart
        self.cgroup = cgroup
        self.hasPrivatePIDNamespace = hasPrivatePIDNamespace
        self.rootless = rootless
        startContainerHooks = hooks.startContainer
        poststartHooks = hooks.poststart
        poststopHooks = hooks.poststop
    }
}
