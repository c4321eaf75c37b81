import CSELinux
import Glibc

/// Which security modules with labels the running kernel has. A value, so that what follows from it can be
/// computed for any host; `detect()` asks this one.
public struct LSMHost: Equatable, Sendable {
    /// AppArmor confines programs on this host.
    public var hasAppArmor: Bool
    /// AppArmor has attributes of its own in `/proc/self/attr/apparmor` (Linux 5.8), and does not share
    /// those in `/proc/self/attr` with the other modules.
    public var hasAppArmorAttributes: Bool
    /// A policy of SELinux is in force.
    public var hasSELinux: Bool

    public init(
        hasAppArmor: Bool = false, hasAppArmorAttributes: Bool = false, hasSELinux: Bool = false
    ) {
        self.hasAppArmor = hasAppArmor
        self.hasAppArmorAttributes = hasAppArmorAttributes
        self.hasSELinux = hasSELinux
    }

    /// Looks at the host's own sysfs and procfs; what cannot be read counts as absent.
    public static func detect() -> LSMHost { detect(sys: "/sys", proc: "/proc") }

    static func detect(sys: String, proc: String) -> LSMHost {
        let hasAttributes = HostFile.exists(proc + "/self/attr/apparmor/exec")
        return LSMHost(
            // That it confines programs, and is not just built in, is seen by its attributes, or on older kernels by
            // its directory in securityfs: which is not to be seen everywhere, and not where Podman calls the runtime
            // for a container with a user namespace.
            hasAppArmor: isEnabled(sys: sys)
                && (hasAttributes || HostFile.exists(sys + "/kernel/security/apparmor")),
            hasAppArmorAttributes: hasAttributes,
            hasSELinux: hasSELinux(sys: sys, proc: proc))
    }

    /// AppArmor is there and switched on.
    private static func isEnabled(sys: String) -> Bool {
        HostFile.read(sys + "/module/apparmor/parameters/enabled")?.first == UInt8(ascii: "Y")
    }

    /// There is a selinuxfs to talk to, and a policy has been loaded: until then every process has the label
    /// `kernel`.
    private static func hasSELinux(sys: String, proc: String) -> Bool {
        guard isSELinuxfs(sys + "/fs/selinux") || hasOtherSELinuxfs(proc: proc) else { return false }
        guard let label = HostFile.read(proc + "/self/attr/current") else { return true }
        return !label.prefix { $0 != 0 && $0 != UInt8(ascii: "\n") }.elementsEqual("kernel".utf8)
    }

    private static func hasOtherSELinuxfs(proc: String) -> Bool {
        let filesystems = HostFile.read(proc + "/filesystems") ?? []
        let known = filesystems.split(separator: UInt8(ascii: "\n")).contains {
            $0.split(separator: UInt8(ascii: "\t")).last?.elementsEqual("selinuxfs".utf8) == true
        }
        if !known { return false }
        let mounts = String(decoding: HostFile.read(proc + "/self/mountinfo") ?? [], as: UTF8.self)
        return selinuxfsMounts(mounts).contains(where: isSELinuxfs)
    }

    /// Where selinuxfs is mounted, by a mountinfo file (proc_pid_mountinfo(5)).
    static func selinuxfsMounts(_ mountinfo: String) -> [String] {
        mountinfo.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.count > dash + 1,
                fields[dash + 1] == "selinuxfs"
            else { return nil }
            return unescape(fields[4])
        }
    }

    /// Mount points are written with `\040` for a space, and likewise for tabs, line feeds and backslashes.
    private static func unescape(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = field.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, let code = UInt8(Substring(digits), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A read-only one is a container's, where policy is none of our business (as in libselinux).
    private static func isSELinuxfs(_ path: String) -> Bool {
        var facts = statfs()
        while apus_statfs(path, &facts) != 0 {
            if errno != EINTR { return false }
        }
        // SELINUX_MAGIC of linux/magic.h.
        return UInt32(truncatingIfNeeded: facts.f_type) == 0xf97c_ff8c
            && UInt(truncatingIfNeeded: facts.f_flags) & UInt(ST_RDONLY) == 0
    }
}
