import CStage
import Diagnosis
import OCISpec
import Testing

@testable import LaunchPlan

/// The steps that single entries of `mounts` become.
@Suite struct MountTests {
    private func plan(
        of mounts: [Mount], in circumstances: Circumstances = .ordinary,
        namespaces: [Namespace.Kind] = [.mount]
    ) throws -> Plan {
        try compile(in: circumstances) {
            $0.mounts = mounts
            $0.linux?.namespaces = namespaces.map { Namespace(type: $0) }
        }
    }

    private func mount(
        _ destination: String, _ type: String?, _ source: String? = nil, _ options: [String] = []
    ) -> Mount {
        var mount = Mount(destination: destination)
        mount.type = type
        mount.source = source
        mount.options = options
        return mount
    }

    private func failure(_ mounts: [Mount]) -> Failure? {
        do {
            _ = try plan(of: mounts)
            return nil
        } catch {
            return error as? Failure
        }
    }

    // MARK: new file systems

    @Test func aFileSystem() throws {
        let plan = try plan(of: [
            mount(
                "/run", "tmpfs", "none",
                ["nosuid", "noatime", "size=64k,nr_inodes=5", "mode=700", "huge", "rshared", "sync"])
        ])
        let op = try #require(plan.operations(PLAN_MOUNT_FS).first)
        #expect(plan.text(op.strings.0) == "/run")
        #expect(plan.text(op.strings.1) == "tmpfs")
        #expect(plan.text(op.strings.2) == "none")
        #expect(plan.mountData(op) == ["size=64k", "nr_inodes=5", "mode=700", "huge"])
        #expect(op.numbers.0 == 2 | 0x10 | 0x70 << 32)
        #expect(op.numbers.1 == 0x10_4000)
        #expect(op.numbers.2 == 16)
        #expect(op.flags == 0)
    }

    /// The kind of file system decides where it may go, and how it looks.
    @Test(arguments: [
        ("proc", [], UInt32(PLAN_MOUNT_PLAIN_TARGET)), ("sysfs", [], UInt32(PLAN_MOUNT_PLAIN_TARGET)),
        ("tmpfs", [], UInt32(PLAN_MOUNT_COPY_MODE)), ("tmpfs", ["size=1m"], UInt32(PLAN_MOUNT_COPY_MODE)),
        ("tmpfs", ["mode=755"], 0), ("mqueue", [], 0), ("devpts", [], 0),
        ("ext4", ["iversion"], UInt32(PLAN_MOUNT_LEGACY)), ("ext4", ["silent"], UInt32(PLAN_MOUNT_LEGACY)),
        ("ext4", ["acl"], UInt32(PLAN_MOUNT_LEGACY)), ("ext4", ["sync", "dirsync", "lazytime", "mand"], 0),
    ])
    func flags(_ type: String, _ options: [String], _ flags: UInt32) throws {
        let plan = try plan(of: [mount("/x", type, type, options)])
        #expect(plan.operations(PLAN_MOUNT_FS).first?.flags == flags)
    }

    @Test func theSourceDefaultsToTheType() throws {
        let plan = try plan(of: [mount("/x", "tmpfs")])
        let op = try #require(plan.operations(PLAN_MOUNT_FS).first)
        #expect(plan.text(op.strings.2) == "tmpfs")
    }

    @Test func valuesMayHoldEqualSignsOrNothing() throws {
        let plan = try plan(of: [mount("/x", "overlay", "o", ["a=b=c", "d=", "e"])])
        let op = try #require(plan.operations(PLAN_MOUNT_FS).first)
        #expect(plan.mountData(op) == ["a=b=c", "d=", "e"])
        #expect(verdict(on: try plan.testImage()) == nil)
    }

    /// An option without a name is one that the stage's verifier has no word for.
    @Test(arguments: ["=", "=x", "a,=x"])
    func optionsWithoutAName(_ option: String) {
        let failure = failure([mount("/x", "tmpfs", "tmpfs", [option])])
        #expect(failure?.origin == .config("/mounts/0/options"))
    }

    @Test func aReadOnlyTmpfsIsFilledFirst() throws {
        let plan = try plan(of: [mount("/x", "tmpfs", "tmpfs", ["ro", "nosuid"])])
        let op = try #require(plan.operations(PLAN_MOUNT_FS).first)
        #expect(op.numbers.0 & 1 == 0 && op.numbers.2 == 0)
        let remount = try #require(plan.operations(PLAN_REMOUNT).first)
        #expect(plan.text(remount.strings.0) == "/x")
        #expect(remount.numbers.0 == 1)
        // Others are what they are from the start.
        let other = try self.plan(of: [mount("/x", "sysfs", "sysfs", ["ro"])])
        #expect(other.operations(PLAN_MOUNT_FS).first?.numbers.0 == 1)
        #expect(other.operations(PLAN_MOUNT_FS).first?.numbers.2 == 1)
        #expect(!other.has(PLAN_REMOUNT))
        let undone = try self.plan(of: [mount("/x", "tmpfs", "tmpfs", ["ro", "rw"])])
        #expect(!undone.has(PLAN_REMOUNT))
    }

    @Test func destinations() throws {
        for (written, path) in [
            ("/a/b", "/a/b"), ("a/b", "/a/b"), ("//a//b//", "/a/b"), ("/a/./b/.", "/a/b"),
            ("/a/../b", "/b"), ("/../../a", "/a"), ("..a/...", "/..a/..."), ("a/..b/../c", "/a/c"),
        ] {
            let plan = try plan(of: [mount(written, "tmpfs")])
            let op = try #require(plan.operations(PLAN_MOUNT_FS).first)
            #expect(plan.text(op.strings.0) == path)
        }
        for root in ["/", "", ".", "/a/..", "//", "../.."] {
            #expect(failure([mount(root, "tmpfs")])?.origin == .config("/mounts/0/destination"))
        }
    }

    // MARK: bind

    @Test func binds() throws {
        for (type, options, isRecursive) in [
            ("bind", [], false), ("bind", ["bind"], false), (nil, ["bind"], false), ("none", ["rbind"], true),
            ("bind", ["rbind"], true), ("tmpfs", ["bind"], false), ("bind", ["bind", "rbind"], true),
        ] as [(String?, [String], Bool)] {
            let plan = try plan(of: [mount("/x", type, "/src", options)])
            let op = try #require(plan.operations(PLAN_MOUNT_BIND).first)
            #expect(plan.text(op.strings.0) == "/x" && plan.text(op.strings.1) == "/src")
            #expect((op.flags & UInt32(PLAN_MOUNT_RECURSIVE) != 0) == isRecursive)
            #expect(!plan.has(PLAN_MOUNT_FS))
        }
    }

    /// What the source's mount forbids is allowed again where the configuration says so.
    @Test func bindAttributes() throws {
        let plan = try plan(of: [
            mount("/x", "bind", "/src", ["rbind", "ro", "exec", "rnosuid", "rprivate"])
        ])
        let op = try #require(plan.operations(PLAN_MOUNT_BIND).first)
        #expect(op.numbers.0 == 1 | 8 << 32)
        #expect(op.numbers.1 == 2)
        #expect(op.numbers.2 == 0x4_4000)
    }

    @Test func furtherPropagation() throws {
        let plan = try plan(of: [mount("/x", "bind", "/src", ["bind", "rslave", "shared", "private"])])
        #expect(plan.operations(PLAN_MOUNT_BIND).first?.numbers.2 == 0x8_4000)
        #expect(plan.operations(PLAN_REPROPAGATE).map(\.numbers.0) == [0x10_0000, 0x4_0000])
    }

    @Test func insideProc() throws {
        for (path, isAllowed) in [
            ("/proc/cpuinfo", true), ("/proc/meminfo", true), ("/proc/sys/kernel/ns_last_pid", true),
            ("/proc/./uptime", true), ("/proc/sys", false), ("/proc/self", false), ("/proc", false),
            ("/proc/cpuinfo/x", false), ("/x/proc/cpuinfo", false),
        ] {
            let plan = try plan(of: [mount(path, "bind", "/src")])
            let op = try #require(plan.operations(PLAN_MOUNT_BIND).first)
            #expect((op.flags & UInt32(PLAN_MOUNT_PROC_CHILD) != 0) == isAllowed, "\(path)")
        }
    }

    // MARK: remount

    @Test func remounts() throws {
        let plan = try plan(of: [
            mount("/x", nil, nil, ["remount", "bind", "ro", "rslave", "shared"]),
            mount("/y", "tmpfs", nil, ["remount", "size=1m,nr_inodes=3", "sync", "nosuid"]),
        ])
        let ops = plan.operations(PLAN_REMOUNT)
        #expect(ops.count == 2)
        #expect(ops[0].flags == 0 && ops[0].numbers.0 == 1 && ops[0].length == 0)
        #expect(plan.operations(PLAN_REPROPAGATE).map(\.numbers.0) == [0x8_4000, 0x10_0000])
        #expect(ops[1].flags == UInt32(PLAN_REMOUNT_SUPER))
        #expect(ops[1].numbers.0 == 2 && ops[1].numbers.2 == 16)
        #expect(plan.mountData(ops[1]) == ["size=1m", "nr_inodes=3"])
        #expect(!plan.has(PLAN_MOUNT_FS) && !plan.has(PLAN_MOUNT_BIND))
    }

    // MARK: cgroup

    private let cgroups = "/sys/fs/cgroup"

    @Test func cgroupOfAUnifiedHost() throws {
        // Bound where the container shares the host's cgroup namespace.
        let bound = try plan(of: [mount(cgroups, "cgroup", "cgroup", ["ro", "nosuid"])])
        let op = try #require(bound.operations(PLAN_MOUNT_BIND).first)
        #expect(bound.text(op.strings.0) == cgroups && bound.text(op.strings.1) == "/sys/fs/cgroup/c1")
        #expect(op.numbers.0 == 3 && op.flags == 0)
        #expect(!bound.has(PLAN_MOUNT_FS))
        // Mounted anew in a namespace of its own, and bound where that may not be.
        for type in ["cgroup", "cgroup2"] {
            let fresh = try plan(
                of: [mount(cgroups, type, type, ["ro", "x=y"])], namespaces: [.mount, .cgroup])
            let position = try #require(fresh.first(PLAN_MOUNT_FS))
            let mounted = fresh.steps[position].op
            #expect(fresh.text(mounted.strings.1) == "cgroup2")
            #expect(mounted.numbers.0 == 1 && mounted.numbers.2 == 0, "the super block is the host's own")
            #expect(mounted.length == 0)
            #expect(mounted.tolerated == [1, 16], "EPERM and EBUSY")
            #expect(fresh.first(PLAN_MOUNT_BIND) == position + 1)
            #expect(fresh.steps[position + 1].op.flags == UInt32(PLAN_FALLBACK))
        }
    }

    @Test func cgroupOfAHybridHost() throws {
        let plan = try plan(of: [mount(cgroups, "cgroup", "cgroup", ["ro"])], in: Circumstances.all[1])
        let holder = try #require(plan.operations(PLAN_MOUNT_FS).first)
        #expect(plan.text(holder.strings.0) == cgroups && plan.text(holder.strings.1) == "tmpfs")
        #expect(holder.numbers.0 & 1 == 0, "something is to be mounted in it")
        #expect(plan.mountData(holder) == ["mode=755"])
        let bound = plan.operations(PLAN_MOUNT_BIND)
        #expect(
            bound.map { plan.text($0.strings.1) } == [
                "/sys/fs/cgroup/cpu,cpuacct/c1", "/sys/fs/cgroup/memory/own/c1", "/sys/fs/cgroup/systemd/c1",
            ])
        #expect(
            bound.map { plan.text($0.strings.0) }
                == ["cpu,cpuacct", "memory", "systemd"].map { "\(cgroups)/\($0)" })
        #expect(bound.allSatisfy { $0.numbers.0 == 1 && $0.flags == 0 })
        let links = plan.operations(PLAN_SYMLINK).filter { plan.text($0.strings.0).hasPrefix(cgroups) }
        #expect(links.map { plan.text($0.strings.0) } == ["\(cgroups)/cpu", "\(cgroups)/cpuacct"])
        #expect(links.allSatisfy { plan.text($0.strings.1) == "cpu,cpuacct" })
        // Read-only in the end, when it is full.
        let closing = try #require(plan.positions(PLAN_REMOUNT).last)
        #expect(plan.text(plan.steps[closing].op.strings.0) == cgroups)
        #expect(try #require(plan.positions(PLAN_SYMLINK).last) < closing)
    }

    @Test func cgroupNamespaceOfAHybridHost() throws {
        let plan = try plan(
            of: [mount(cgroups, "cgroup", "cgroup", ["rw"])], in: Circumstances.all[1],
            namespaces: [.mount, .cgroup])
        let fresh = plan.operations(PLAN_MOUNT_FS).dropFirst()
        #expect(fresh.map { plan.text($0.strings.1) } == ["cgroup", "cgroup", "cgroup"])
        #expect(fresh.map { plan.text($0.strings.2) } == ["cgroup", "cgroup", "systemd"])
        #expect(fresh.map(plan.mountData) == [["cpu", "cpuacct"], ["memory"], ["name=systemd"]])
        #expect(fresh.allSatisfy { $0.tolerated == [1, 16] })
        #expect(plan.operations(PLAN_MOUNT_BIND).allSatisfy { $0.flags == UInt32(PLAN_FALLBACK) })
        #expect(!plan.has(PLAN_REMOUNT))
    }

    @Test func cgroupOfNone() throws {
        let plan = try plan(of: [mount(cgroups, "cgroup")], in: Circumstances.all[2])
        #expect(plan.operations(PLAN_MOUNT_FS).map { plan.text($0.strings.1) } == ["tmpfs"])
        #expect(!plan.has(PLAN_MOUNT_BIND))
    }

    // MARK: links and copies

    @Test func linksAndCopies() throws {
        let plan = try plan(of: [
            mount("/a", "bind", "/src", ["src-nofollow", "dest-nofollow"]),
            mount("/b", "bind", "/src", ["copy-symlink", "rbind"]),
            mount("/c", "tmpfs", nil, ["tmpcopyup", "mode=700", "ro"]),
            mount("/d", "tmpfs", nil, ["tmpcopyup"]),
        ])
        #expect(
            plan.operations(PLAN_MOUNT_BIND).map(\.flags) == [
                UInt32(PLAN_MOUNT_SOURCE_LINK | PLAN_MOUNT_TARGET_LINK),
                UInt32(PLAN_MOUNT_REMAKE_LINK | PLAN_MOUNT_RECURSIVE),
            ])
        #expect(
            plan.operations(PLAN_MOUNT_FS).map(\.flags) == [
                UInt32(PLAN_MOUNT_COPY_UP), UInt32(PLAN_MOUNT_COPY_UP | PLAN_MOUNT_COPY_MODE),
            ])
        // The copy has to be written before nobody can write any more.
        #expect(plan.operations(PLAN_MOUNT_FS)[0].numbers.0 & 1 == 0)
        #expect(plan.text(try #require(plan.operations(PLAN_REMOUNT).first).strings.0) == "/c")
    }

    // MARK: refusals

    @Test func refusals() {
        let good = mount("/ok", "tmpfs")
        let cases: [(Mount, Pointer)] = [
            (mount("/x", nil), "/mounts/1/type"), (mount("/x", ""), "/mounts/1/type"),
            (mount("/x", "none"), "/mounts/1/type"), (mount("/x", "bind"), "/mounts/1/source"),
            (mount("/x", "bind", ""), "/mounts/1/source"),
            (mount("/x", "bind", "/src", ["size=1m"]), "/mounts/1/options"),
            (mount("/x", nil, "/src", ["remount", "bind", "size=1m"]), "/mounts/1/options"),
            (mount("/x", nil, nil, ["remount", "iversion"]), "/mounts/1/options"),
            (mount("/x", "ramfs", nil, ["tmpcopyup"]), "/mounts/1/options"),
            (mount("/x", "bind", "/src", ["tmpcopyup"]), "/mounts/1/options"),
            (mount("/x", "tmpfs", nil, ["src-nofollow"]), "/mounts/1/options"),
            (mount("/x", "bind", "/src", ["copy-symlink", "dest-nofollow"]), "/mounts/1/options"),
            (mount("/x", "bind", "/src", ["idmap"]), "/mounts/1/options"),
        ]
        for (bad, pointer) in cases {
            #expect(failure([good, bad])?.origin == .config(pointer), "\(bad)")
        }
    }
}
