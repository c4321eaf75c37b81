import Diagnosis
import OCISpec

// hugetlb.SIZE.max, hugetlb.SIZE.rsvd.max (cgroup-v2.rst, "HugeTLB").

extension Resources {
    func hugetlbSettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        for (position, entry) in hugepageLimits.enumerated() {
            let pointer = pointer.index(position)
            try Self.requirePageSize(entry.pageSize, at: pointer.key("pageSize"))
            // The reservation limit stops a process at mmap(2), where it can be told; the other one at the
            // fault, with a SIGBUS.
            for file in ["hugetlb.\(entry.pageSize).max", "hugetlb.\(entry.pageSize).rsvd.max"] {
                var setting = Setting(
                    controller: .hugetlb, file: file, value: String(entry.limit), origin: pointer.key("limit")
                )
                setting.whenMissing =
                    "the kernel has no huge pages of \(entry.pageSize): see /sys/kernel/mm/hugepages"
                settings.append(setting)
            }
        }
        return settings
    }

    static func requirePageSize(_ text: String, at pointer: Pointer) throws(Failure) {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, ["KB", "MB", "GB"].contains(text.dropFirst(digits.count)) else {
            throw Failure(at: pointer, "\"\(text)\" is not a page size such as 2MB or 1GB")
        }
    }
}
