import Diagnosis
import OCISpec

// pids.max (cgroup-v2.rst, "PID").

extension Resources.Pids {
    func settings(at pointer: Pointer) throws(Failure) -> [Setting] {
        guard let limit else { return [] }
        var setting = Setting(
            controller: .pids, file: "pids.max", value: Self.maximum(limit), origin: pointer.key("limit"))
        // Where the controller is not there, nothing limits.
        if limit < 0 { setting.refusal = .redundantIfMissing }
        return [setting]
    }

    /// Negative is unlimited. Zero becomes one, as with runc: systemd's TasksMax has no zero, and with zero the
    /// container's init itself could not be cloned into the cgroup.
    static func maximum(_ limit: Int64) -> String {
        limit < 0 ? "max" : String(max(1, limit))
    }
}
