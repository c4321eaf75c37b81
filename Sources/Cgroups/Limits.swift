import Diagnosis
import OCISpec

/// A container's resources, compiled for a host: which value goes to which file, in which order, and which devices
/// are let in. Pure; everything that can be wrong with the configuration comes out here, before anything is made.
///
/// Each controller is where the host has it, in the cgroup v2 tree or in a v1 hierarchy. What cgroup v2 has no
/// equivalent for is refused there if it would change something, except the kernel memory limits, which are gone
/// from every kernel and become a warning.
public struct Limits: Equatable, Sendable {
    /// Those of the cgroup v2 tree, in the order of writing.
    var settings: [Setting]
    let usageChecks: [UsageCheck]
    var legacy: LegacyLimits
    let devices: DeviceFilter
    /// What the user should hear although nothing failed.
    public let warnings: [String]

    /// - Parameters:
    ///   - pointer: where the resources stand in config.json.
    ///   - nodes: the container's configured device nodes; one with the path of a default device replaces
    ///     the default device's rule too.
    ///   - host: where the limits are to be set.
    /// - Throws: a contradiction, a value out of range, or a field without meaning where its controller is.
    public init(
        _ resources: Resources, at pointer: Pointer = "/linux/resources", nodes: [Device] = [],
        on host: CgroupHost
    ) throws(Failure) {
        // runc's order: a value of the kernel's that depends on another's is written after it.
        var legacy = LegacyLimits()
        var settings: [Setting] = []
        func add(_ controller: Controller, _ some: [Setting]?) {
            if host.isLegacy(controller) { legacy.settings += some ?? [] } else { settings += some ?? [] }
        }
        add(.pids, try resources.pids?.settings(at: pointer.key("pids")))
        let memory = pointer.key("memory")
        var notes = Notes()
        if host.isLegacy(.memory) {
            add(.memory, try resources.memory?.legacySettings(at: memory, &notes))
            legacy.usageChecks = notes.usageChecks
            usageChecks = []
        } else {
            add(.memory, try resources.memory?.settings(at: memory, &notes))
            usageChecks = notes.usageChecks
        }
        let blockIO = pointer.key("blockIO")
        add(
            .io,
            host.isLegacy(.io)
                ? try resources.blockIO?.legacySettings(at: blockIO)
                : try resources.blockIO?.settings(at: blockIO))
        let cpu = pointer.key("cpu")
        add(
            .cpu,
            host.isLegacy(.cpu)
                ? try resources.cpu?.legacySettings(at: cpu) : try resources.cpu?.settings(at: cpu))
        add(.cpuset, try resources.cpu?.cpusetSettings(at: cpu))
        let hugepages = pointer.key("hugepageLimits")
        add(
            .hugetlb,
            host.isLegacy(.hugetlb)
                ? try resources.legacyHugetlbSettings(at: hugepages)
                : try resources.hugetlbSettings(at: hugepages))
        add(.rdma, try resources.rdmaSettings(at: pointer.key("rdma")))
        if host.legacy.isEmpty {
            try resources.network?.requireNothing(at: pointer.key("network"))
        } else {
            legacy.settings += try resources.network?.legacySettings(at: pointer.key("network")) ?? []
        }
        if host.kind == .legacy, let entry = resources.unified.first {
            throw Failure(
                at: pointer.key("unified").key(entry.file), "cannot use unified on cgroup v1",
                remedy: MissingController.bootUnified)
        }
        settings += try resources.unifiedSettings(at: pointer.key("unified"))
        self.settings = settings
        self.legacy = legacy
        warnings = notes.warnings
        devices = try DeviceFilter(resources.devices, at: pointer.key("devices"), nodes: nodes)
    }

    /// Whether no limit was asked for. Device rules are none.
    public var isEmpty: Bool { settings.isEmpty && legacy.settings.isEmpty }

    /// The controllers that the limits need in the cgroup v2 tree.
    var controllers: [Controller] {
        var controllers: [Controller] = []
        for setting in settings where setting.controller != .core && !controllers.contains(setting.controller)
        {
            controllers.append(setting.controller)
        }
        return controllers
    }

    /// What compiling a controller's fields yields beside settings.
    struct Notes {
        var warnings: [String] = []
        var usageChecks: [UsageCheck] = []
    }
}

extension Failure {
    /// A field that means something in cgroup v1 only.
    static func legacyOnly(_ pointer: Pointer, value: String, _ hint: String? = nil) -> Failure {
        Failure(at: pointer, "\(value) is not supported on cgroup v2", remedy: hint)
    }
}
