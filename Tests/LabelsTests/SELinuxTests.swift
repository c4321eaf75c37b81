import Diagnosis
import Testing

@testable import Labels

@Suite struct SELinuxTests {
    let here: Pointer = "/process/selinuxLabel"
    let enabled = LSMHost(hasSELinux: true)

    @Test(arguments: [
        "system_u:system_r:container_t:s0:c12,c345", "system_u:system_r:container_t",
        "system_u:object_r:container_file_t:s0", "u:r:t:s0-s15:c0.c1023", "u:r:t:s0:c1:c2",
    ])
    func contexts(_ label: String) throws {
        let context = try #require(try SELinuxContext.configured(label, at: here, host: enabled))
        #expect(context.description == label)
        #expect(context.onExec == LabelWrite(file: "attr/exec", content: label))
        #expect(context.onKeyCreation == LabelWrite(file: "attr/keycreate", content: label))
        #expect(context.onSocketCreation == LabelWrite(file: "attr/sockcreate", content: label))
    }

    @Test(arguments: [
        "container_t", "a:b", ":", "::", ":::", "a::c", ":b:c", "a:b:", "a:b:c d", "a:b:c\t", "a:b:c\n",
        " a:b:c",
        "a:b:c\0:d", "a:b:c:s0\",ro", "\0",
    ])
    func notContexts(_ label: String) {
        let failure = #expect(throws: Failure.self) {
            try SELinuxContext.configured(label, at: here, host: enabled)
        }
        #expect(failure?.origin == .config(here))
        #expect(failure?.reason.hasSuffix("is no SELinux context") == true)
    }

    @Test func noLabelIsNoContext() throws {
        for host in [enabled, LSMHost()] {
            #expect(try SELinuxContext.configured(nil, at: here, host: host) == nil)
            #expect(try SELinuxContext.configured("", at: here, host: host) == nil)
        }
    }

    @Test func aLabelNeedsSELinux() {
        let failure = #expect(throws: Failure.self) {
            try SELinuxContext.configured("a:b:c", at: here, host: LSMHost(hasAppArmor: true))
        }
        #expect(failure?.origin == .config(here))
        #expect(
            failure?.reason
                == "selinux label is specified in config, but selinux is disabled or not supported")
    }
}

@Suite struct MountLabelTests {
    let label = MountLabel(SELinuxContext("system_u:object_r:container_file_t:s0:c1,c2")!)

    @Test func theOptionIsQuoted() {
        let option = #"context="system_u:object_r:container_file_t:s0:c1,c2""#
        #expect(label.option == option)
        #expect(label.appended(to: "") == option)
        #expect(label.appended(to: "mode=755,size=64k") == "mode=755,size=64k," + option)
    }

    @Test(arguments: ["tmpfs", "devpts", "ext4", "overlay", "nfs", "ramfs"])
    func fileSystemsTakeTheOption(_ type: String) {
        #expect(MountLabel.way(type: type, isBind: false) == .option)
        #expect(MountLabel.way(type: type, isBind: true) == .none)
    }

    @Test(arguments: ["proc", "sysfs", "cgroup", "cgroup2", "bind", ""])
    func othersTakeNone(_ type: String) {
        #expect(MountLabel.way(type: type, isBind: false) == .none)
    }

    @Test func messageQueuesAreLabelledAfterwards() {
        #expect(MountLabel.way(type: "mqueue", isBind: false) == .root)
        #expect(MountLabel.way(type: nil, isBind: true) == .none)
    }
}
