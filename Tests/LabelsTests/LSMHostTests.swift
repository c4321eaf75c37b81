import Foundation
import Testing

@testable import Labels

/// Detection, in trees of files that stand for sysfs and procfs.
@Suite final class LSMHostTests {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    deinit { try? FileManager.default.removeItem(at: root) }

    private func write(_ path: String, _ content: String) throws {
        let file = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try content.write(to: file, atomically: false, encoding: .utf8)
    }

    private var host: LSMHost { .detect(sys: root.path + "/sys", proc: root.path + "/proc") }

    @Test func nothing() { #expect(host == LSMHost()) }

    @Test func appArmor() throws {
        let parameter = "sys/module/apparmor/parameters/enabled"
        try write(parameter, "Y\n")
        #expect(host == LSMHost(), "nothing shows that it confines programs")
        try write("sys/kernel/security/apparmor/profiles", "")
        #expect(host == LSMHost(hasAppArmor: true))
        try write("proc/self/attr/apparmor/exec", "")
        #expect(host == LSMHost(hasAppArmor: true, hasAppArmorAttributes: true))
        try FileManager.default.removeItem(atPath: root.path + "/sys/kernel/security")
        #expect(host.hasAppArmor, "securityfs is not to be seen")
        for other in ["N\n", "", "y\n"] {
            try write(parameter, other)
            #expect(host == LSMHost(hasAppArmorAttributes: true))
        }
    }

    /// A directory is no file system: the magic number decides.
    @Test func aDirectoryIsNoSELinuxfs() throws {
        try write("sys/fs/selinux/enforce", "1")
        try write("proc/filesystems", "nodev\tsysfs\nnodev\tselinuxfs\n\text4\n")
        try write("proc/self/attr/current", "system_u:system_r:init_t:s0\0")
        try write(
            "proc/self/mountinfo", "30 1 0:9 / \(root.path)/sys/fs/selinux rw - selinuxfs selinuxfs rw\n")
        #expect(!host.hasSELinux)
    }

    @Test func mountsOfSELinuxfs() {
        let mountinfo = #"""
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            23 22 0:21 / /a\040b\134c rw,nosuid shared:7 master:2 - selinuxfs selinuxfs rw
            24 22 0:22 / /selinuxfs rw - tmpfs selinuxfs rw
            25 22 0:21 / /sys/fs/selinux rw - selinuxfs none rw
            26 22 0:21 / /selinuxfs\04 rw - selinuxfs none rw
            27 - selinuxfs
            28 22 0:21 / /x rw -
            """#
        #expect(
            LSMHost.selinuxfsMounts(mountinfo) == [#"/a b\c"#, "/sys/fs/selinux", #"/selinuxfs\04"#])
        #expect(LSMHost.selinuxfsMounts("").isEmpty)
    }

    /// This host is like its kernel says: a module that is not compiled in is not found.
    @Test func theHostItself() {
        let host = LSMHost.detect()
        if !FileManager.default.fileExists(atPath: "/sys/module/apparmor") { #expect(!host.hasAppArmor) }
        let filesystems = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
        if !filesystems.contains("selinuxfs") { #expect(!host.hasSELinux) }
    }
}
