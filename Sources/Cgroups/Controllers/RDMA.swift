import Diagnosis
import OCISpec

// rdma.max (cgroup-v2.rst, "RDMA").

extension Resources {
    func rdmaSettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        for entry in rdma {
            let pointer = pointer.key(entry.device)
            guard !entry.device.isEmpty, entry.device.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
                throw Failure(at: pointer, "not the name of an RDMA device")
            }
            var value = entry.device
            if let handles = entry.hcaHandles { value += " hca_handle=\(handles)" }
            if let objects = entry.hcaObjects { value += " hca_object=\(objects)" }
            if value == entry.device { continue }
            settings.append(Setting(controller: .rdma, file: "rdma.max", value: value, origin: pointer))
        }
        return settings
    }
}
