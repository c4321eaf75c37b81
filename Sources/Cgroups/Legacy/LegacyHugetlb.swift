import Diagnosis
import OCISpec

// hugetlb.SIZE.limit_in_bytes, hugetlb.SIZE.rsvd.limit_in_bytes (cgroup-v1/hugetlb.rst).

extension Resources {
    /// For cgroup v1.
    func legacyHugetlbSettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        for (position, entry) in hugepageLimits.enumerated() {
            let pointer = pointer.index(position)
            try Self.requirePageSize(entry.pageSize, at: pointer.key("pageSize"))
            for (file, refusal) in [
                ("hugetlb.\(entry.pageSize).limit_in_bytes", Setting.Refusal.final),
                // Linux 5.7.
                ("hugetlb.\(entry.pageSize).rsvd.limit_in_bytes", .redundantIfMissing),
            ] {
                var setting = Setting(
                    controller: .hugetlb, file: file, value: String(entry.limit),
                    origin: pointer.key("limit"), refusal: refusal)
                setting.whenMissing =
                    "the kernel has no huge pages of \(entry.pageSize): see /sys/kernel/mm/hugepages"
                settings.append(setting)
            }
        }
        return settings
    }
}
