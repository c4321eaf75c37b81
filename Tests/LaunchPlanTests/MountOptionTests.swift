import OCISpec
import Testing

@testable import LaunchPlan

/// The table of config.md, "Linux mount options", with the kernel's numbers written out.
@Suite struct MountOptionTests {
    /// What one option alone comes to.
    struct Row: CustomTestStringConvertible, Sendable {
        var option: String
        var set: UInt32 = 0
        var clear: UInt32 = 0
        var allSet: UInt32 = 0
        var allClear: UInt32 = 0
        var propagation: [UInt64] = []
        var superFlags: UInt64 = 0

        var testDescription: String { option }
    }

    static let attributes: [Row] = [
        Row(option: "defaults"),
        Row(option: "ro", set: 1, superFlags: 1), Row(option: "rw", clear: 1),
        Row(option: "nosuid", set: 2), Row(option: "suid", clear: 2),
        Row(option: "nodev", set: 4), Row(option: "dev", clear: 4),
        Row(option: "noexec", set: 8), Row(option: "exec", clear: 8),
        Row(option: "nodiratime", set: 0x80), Row(option: "diratime", clear: 0x80),
        Row(option: "nosymfollow", set: 0x20_0000), Row(option: "symfollow", clear: 0x20_0000),
        Row(option: "noatime", set: 0x10, clear: 0x70), Row(option: "atime", clear: 0x70),
        Row(option: "relatime", clear: 0x70), Row(option: "norelatime", clear: 0x70),
        Row(option: "strictatime", set: 0x20, clear: 0x70), Row(option: "nostrictatime", clear: 0x70),
    ]

    static let recursive: [Row] = [
        Row(option: "rro", allSet: 1), Row(option: "rrw", allClear: 1),
        Row(option: "rnosuid", allSet: 2), Row(option: "rsuid", allClear: 2),
        Row(option: "rnodev", allSet: 4), Row(option: "rdev", allClear: 4),
        Row(option: "rnoexec", allSet: 8), Row(option: "rexec", allClear: 8),
        Row(option: "rnodiratime", allSet: 0x80), Row(option: "rdiratime", allClear: 0x80),
        Row(option: "rnosymfollow", allSet: 0x20_0000), Row(option: "rsymfollow", allClear: 0x20_0000),
        Row(option: "rnoatime", allSet: 0x10, allClear: 0x70), Row(option: "ratime", allClear: 0x70),
        Row(option: "rrelatime", allClear: 0x70), Row(option: "rnorelatime", allClear: 0x70),
        Row(option: "rstrictatime", allSet: 0x20, allClear: 0x70),
        Row(option: "rnostrictatime", allClear: 0x70),
    ]

    static let others: [Row] = [
        Row(option: "shared", propagation: [0x10_0000]), Row(option: "rshared", propagation: [0x10_4000]),
        Row(option: "slave", propagation: [0x8_0000]), Row(option: "rslave", propagation: [0x8_4000]),
        Row(option: "private", propagation: [0x4_0000]), Row(option: "rprivate", propagation: [0x4_4000]),
        Row(option: "unbindable", propagation: [0x2_0000]),
        Row(option: "runbindable", propagation: [0x2_4000]),
        Row(option: "sync", superFlags: 16), Row(option: "async"),
        Row(option: "mand", superFlags: 64), Row(option: "nomand"),
        Row(option: "dirsync", superFlags: 128),
        Row(option: "silent", superFlags: 0x8000), Row(option: "loud"),
        Row(option: "acl", superFlags: 0x1_0000), Row(option: "noacl"),
        Row(option: "iversion", superFlags: 0x80_0000), Row(option: "noiversion"),
        Row(option: "lazytime", superFlags: 0x200_0000), Row(option: "nolazytime"),
    ]

    @Test(arguments: attributes + recursive + others)
    func alone(_ row: Row) {
        var expected = MountOptions()
        expected.attributes.set = row.set
        expected.attributes.clear = row.clear
        expected.recursiveAttributes.set = row.allSet
        expected.recursiveAttributes.clear = row.allClear
        expected.propagation = row.propagation
        expected.superFlags = row.superFlags
        let options = MountOptions([row.option])
        #expect(options == expected)
        #expect(options.data.isEmpty)
    }

    @Test func kinds() {
        #expect(MountOptions(["bind"]).isBind && !MountOptions(["bind"]).isRecursiveBind)
        #expect(MountOptions(["rbind"]).isBind && MountOptions(["rbind"]).isRecursiveBind)
        #expect(MountOptions(["remount"]).isRemount && !MountOptions(["remount"]).isBind)
    }

    /// What `features` says is understood, is: nothing of it reaches the file system.
    @Test func features() {
        let tested = (Self.attributes + Self.recursive + Self.others).map(\.option)
        let kinds = ["bind", "rbind", "remount"] + Self.extensions
        #expect(Set(MountOptions.known) == Set(tested + kinds))
        #expect(MountOptions.known == MountOptions.known.sorted())
        #expect(Set(tested).count == tested.count)
    }

    static let extensions = ["tmpcopyup", "copy-symlink", "src-nofollow", "dest-nofollow", "idmap", "ridmap"]

    @Test func extensionsOfTheTable() {
        #expect(MountOptions(["tmpcopyup"]).copiesUp && !MountOptions().copiesUp)
        #expect(MountOptions(["copy-symlink"]).remakesLink)
        #expect(MountOptions(["src-nofollow"]).keepsSourceLink)
        #expect(MountOptions(["dest-nofollow"]).keepsTargetLink)
        #expect(MountOptions(["idmap"]).idMap == .init(isRecursive: false))
        #expect(MountOptions(["ridmap"]).idMap == .init(isRecursive: true))
        #expect(
            MountOptions(["idmap=uids=0-1-2", "nosuid"]).idMap
                == .init(isRecursive: false, mappings: "uids=0-1-2"))
        #expect(MountOptions(["ridmap="]).idMap == .init(isRecursive: true, mappings: ""))
        for option in Self.extensions { #expect(MountOptions([option]).data.isEmpty) }
    }

    /// A later option undoes an earlier one, and what is cleared stays asked for: a bind mount has the
    /// attributes of what it binds.
    @Test func laterOnesCount() {
        let undone = MountOptions(["ro", "nosuid", "rw", "suid"])
        #expect(undone.attributes == MountOptions(["rw", "suid"]).attributes)
        #expect(undone.superFlags == 0)
        #expect(MountOptions(["rw", "ro"]).attributes.packed == 1)
        #expect(MountOptions(["exec", "noexec", "exec"]).attributes.packed == 8 << 32)
        #expect(MountOptions(["nosuid", "nosuid"]) == MountOptions(["nosuid"]))
        #expect(MountOptions(["sync", "async"]).superFlags == 0)
        #expect(MountOptions(["rro", "rrw"]).recursiveAttributes.packed == 1 << 32)
        // The mount's own and its tree's are two things.
        let both = MountOptions(["ro", "rrw"])
        #expect(both.attributes.packed == 1 && both.recursiveAttributes.packed == 1 << 32)
    }

    /// noatime, strictatime and relatime exclude one another.
    @Test func accessTimes() {
        #expect(MountOptions(["noatime", "strictatime"]).attributes.packed == 0x20 | 0x70 << 32)
        #expect(MountOptions(["strictatime", "noatime"]).attributes.packed == 0x10 | 0x70 << 32)
        #expect(MountOptions(["noatime", "relatime"]).attributes.packed == 0x70 << 32)
        #expect(
            MountOptions(["noatime", "nosuid", "nodiratime"]).attributes.packed == 0x10 | 2 | 0x80 | 0x70
                << 32)
    }

    /// Each is a call of its own, in the order given.
    @Test func propagation() {
        #expect(
            MountOptions(["rslave", "nosuid", "shared", "shared"]).propagation
                == [0x8_4000, 0x10_0000, 0x10_0000])
    }

    @Test func theRestIsTheFileSystems() {
        let options = MountOptions(["size=64k", "", "nosuid", "mode=1777", "Ro", "ro ", "size=1m"])
        #expect(options.data == ["size=64k", "mode=1777", "Ro", "ro ", "size=1m"])
        #expect(options.attributes.packed == 2)
    }

    @Test(arguments: [
        ("", []), ("a", ["a"]), ("a,b=c", ["a", "b=c"]), (",,a,,b,", ["a", "b"]), (",", []),
        (#"lowerdir=/a\,b:/c,upperdir=/d"#, [#"lowerdir=/a\,b:/c"#, "upperdir=/d"]),
        (#"a\\,b"#, [#"a\\"#, "b"]), (#"a\\\,b"#, [#"a\\\,b"#]), (#"a\"#, [#"a\"#]),
        ("a=b=c", ["a=b=c"]), ("ü,é", ["ü", "é"]),
    ])
    func splitting(_ option: String, _ parts: [String]) {
        #expect(MountOptions.split(option) == parts)
    }
}
