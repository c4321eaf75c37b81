import Diagnosis
import OCISpec

// cgroup v2 has no network controller: its answer is eBPF.

extension Resources.Network {
    func requireNothing(at pointer: Pointer) throws(Failure) {
        if let classID, classID != 0 {
            throw Failure.legacyOnly(pointer.key("classID"), value: "a network class (\(classID))")
        }
        if !priorities.isEmpty {
            throw Failure.legacyOnly(pointer.key("priorities"), value: "a list of network priorities")
        }
    }
}
