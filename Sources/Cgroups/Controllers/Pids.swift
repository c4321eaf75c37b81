import Diagnosis
import OCISpec

// pids.max (cgroup-v2.rst, "PID").

extension Resources.Pids {
    func settings(at pointer: Pointer) throws(Failure) -> [Setting] {
        guard let limit else { return [] }
        return [
            Setting(
                controller: .pids, file: "pids.max", value: Self.maximum(limit), origin: pointer.key("limit"))
        ]
    }

    /// Negative is unlimited. Zero becomes one, as with runc: systemd's TasksMax has no zero, and with zero the
    /// container's init itself could not be cloned into the cgroup.
    static func maximum(_ limit: Int64) -> String {
        limit < 0 ? "max" : String(max(1, limit))
    }
}
