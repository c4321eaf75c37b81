/// A capability by its number in linux/capability.h (capabilities(7)).
package enum Capability: Int, CaseIterable, Comparable, Hashable, Sendable {
    case CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID,
        CAP_SETUID, CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN,
        CAP_NET_RAW, CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_CHROOT,
        CAP_SYS_PTRACE, CAP_SYS_PACCT, CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_NICE, CAP_SYS_RESOURCE,
        CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD, CAP_LEASE, CAP_AUDIT_WRITE, CAP_AUDIT_CONTROL,
        CAP_SETFCAP, CAP_MAC_OVERRIDE, CAP_MAC_ADMIN, CAP_SYSLOG, CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND,
        CAP_AUDIT_READ, CAP_PERFMON, CAP_BPF, CAP_CHECKPOINT_RESTORE

    package var name: String { "\(self)" }

    /// With or without `CAP_`, in either case.
    package init?(name: String) {
        let upper = name.uppercased()
        let full = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
        guard let found = Self.byName[full] else { return nil }
        self = found
    }

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })

    package static func < (one: Capability, other: Capability) -> Bool { one.rawValue < other.rawValue }

    /// What containers have that ask for nothing: the same as with other engines.
    package static let usual: Set<Capability> = [
        .CAP_AUDIT_WRITE, .CAP_CHOWN, .CAP_DAC_OVERRIDE, .CAP_FOWNER, .CAP_FSETID, .CAP_KILL, .CAP_MKNOD,
        .CAP_NET_BIND_SERVICE, .CAP_NET_RAW, .CAP_SETFCAP, .CAP_SETGID, .CAP_SETPCAP, .CAP_SETUID,
        .CAP_SYS_CHROOT,
    ]
}
