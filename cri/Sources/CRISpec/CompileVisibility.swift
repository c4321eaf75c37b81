import Diagnosis

extension Compilation {
    /// Masked and read-only paths. The kubelet gives both lists always; none given means none, as other engines
    /// have it. Privileged containers have neither.
    mutating func compilePathProtection() {
        if security.privileged { return }
        if input.options.disableProcMount {
            linux.maskedPaths = Self.usualMaskedPaths
            linux.readonlyPaths = Self.usualReadonlyPaths
            return
        }
        linux.maskedPaths = security.maskedPaths
        linux.readonlyPaths = security.readonlyPaths
    }

    static let usualMaskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
        "/sys/devices/virtual/powercap", "/sys/firmware",
    ]
    static let usualReadonlyPaths = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]
}
