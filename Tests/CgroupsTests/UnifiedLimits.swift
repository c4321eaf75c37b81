import Diagnosis
import OCISpec

@testable import Cgroups

extension CgroupHost {
    static let unified = CgroupHost(kind: .unified, unifiedMount: "/sys/fs/cgroup")

    /// All controllers in cgroup v1.
    static let legacyAlone = CgroupHost(
        kind: .legacy, unifiedMount: nil,
        legacy: [
            "memory", "cpu", "cpuset", "pids", "blkio", "devices", "hugetlb", "net_cls", "net_prio", "rdma",
        ]
        .map { LegacyHierarchy(controllers: [$0], mountPoint: "/sys/fs/cgroup/\($0)") })
}

extension Limits {
    /// For a unified host.
    init(_ resources: Resources, at pointer: Pointer = "/linux/resources") throws(Failure) {
        try self.init(resources, at: pointer, on: .unified)
    }
}
