import Diagnosis
import OCISpec

/// A container's resources, compiled for cgroup v2: which value goes to which file, in which order, and which
/// devices are let in. Pure; everything that can be wrong with the configuration comes out here, before
/// anything is made.
///
/// What cgroup v2 has no equivalent for is refused if it would change something, except the kernel memory limits,
/// which are gone from every kernel and become a warning.
public struct Limits: Equatable, Sendable {
    /// In the order of writing.
    let settings: [Setting]
    let usageChecks: [UsageCheck]
    let devices: DeviceFilter
    /// What the user should hear although nothing failed.
    public let warnings: [String]

    /// - Parameters:
    ///   - pointer: where the resources stand in config.json.
    ///   - nodes: the container's configured device nodes; one with the path of a default device replaces
    ///     the default device's rule too.
    /// - Throws: a contradiction, a value out of range, or a field without meaning in cgroup v2.
    public init(
        _ resources: Resources, at pointer: Pointer = "/linux/resources", nodes: [Device] = []
    ) throws(Failure) {
        var notes = Notes()
        // runc's order: a value of the kernel's that depends on another's is written after it.
        var settings = try resources.pids?.settings(at: pointer.key("pids")) ?? []
        settings += try resources.memory?.settings(at: pointer.key("memory"), &notes) ?? []
        settings += try resources.blockIO?.settings(at: pointer.key("blockIO")) ?? []
        settings += try resources.cpu?.settings(at: pointer.key("cpu")) ?? []
        settings += try resources.cpu?.cpusetSettings(at: pointer.key("cpu")) ?? []
        settings += try resources.hugetlbSettings(at: pointer.key("hugepageLimits"))
        settings += try resources.rdmaSettings(at: pointer.key("rdma"))
        try resources.network?.requireNothing(at: pointer.key("network"))
        settings += try resources.unifiedSettings(at: pointer.key("unified"))
        self.settings = settings
        usageChecks = notes.usageChecks
        warnings = notes.warnings
        devices = try DeviceFilter(resources.devices, at: pointer.key("devices"), nodes: nodes)
    }

    /// Whether no limit was asked for. Device rules are none.
    public var isEmpty: Bool { settings.isEmpty }

    /// The controllers that the limits need.
    var controllers: Set<Controller> { Set(settings.lazy.map(\.controller)).subtracting([.core]) }

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
