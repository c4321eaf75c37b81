import Diagnosis
import OCISpec

// cpuset.cpus, cpuset.mems (cgroup-v2.rst, "Cpuset").

extension Resources.CPU {
    func cpusetSettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        for (list, field) in [(cpus, "cpus"), (mems, "mems")] {
            guard let list, !list.isEmpty else { continue }
            // The kernel takes a list with spaces as its first element, silently.
            guard list.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2c || $0 == 0x2d }) else {
                throw Failure(
                    at: pointer.key(field), "\"\(list)\" is not a list of numbers and ranges such as 0-3,8")
            }
            settings.append(
                Setting(
                    controller: .cpuset, file: "cpuset.\(field)", value: list, origin: pointer.key(field)))
        }
        return settings
    }
}
