import Diagnosis
import OCISpec

// net_cls.classid, net_prio.ifpriomap (cgroup-v1/net_cls.rst, net_prio.rst).

extension Resources.Network {
    /// For cgroup v1.
    func legacySettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        if let classID, classID != 0 {
            settings.append(
                Setting(
                    controller: Controller("net_cls"), file: "net_cls.classid", value: String(classID),
                    origin: pointer.key("classID")))
        }
        for (position, entry) in priorities.enumerated() {
            let pointer = pointer.key("priorities").index(position)
            guard !entry.name.isEmpty, entry.name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
                throw Failure(
                    at: pointer.key("name"), "\"\(entry.name)\" is not the name of a network interface")
            }
            settings.append(
                Setting(
                    controller: Controller("net_prio"), file: "net_prio.ifpriomap",
                    value: "\(entry.name) \(entry.priority)", origin: pointer))
        }
        return settings
    }
}
