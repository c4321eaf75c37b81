import CStage
import OCISpec
import Testing

@testable import LaunchPlan

@Suite struct DeviceTests {
    private func device(
        _ type: Device.Kind, _ path: String, _ major: UInt32? = nil, _ minor: UInt32? = nil,
        mode: UInt32? = nil
    ) -> Device {
        var device = Device(type: type, path: path)
        device.major = major
        device.minor = minor
        device.fileMode = mode
        return device
    }

    private func operation(_ device: Device) throws -> LaunchPlan.Operation {
        let plan = try compile { $0.linux?.devices = [device] }
        return try #require(
            plan.operations(PLAN_DEVICE).first { plan.text($0.strings.0) == device.path })
    }

    /// dev_t: the low eight bits of the minor number, twelve of the major, then the rest of the minor.
    @Test(
        arguments: [
            (1, 3, 0x103), (8, 0, 0x800), (0xfff, 0, 0xf_ff00), (0, 0xff, 0xff), (0, 0x100, 0x10_0000),
            (0, 0xf_ffff, 0xfff0_00ff), (0xfff, 0xf_ffff, 0xffff_ffff), (10, 229, 0xae5),
            (300, 70_000, 0x1111_2c70),
        ] as [(UInt32, UInt32, UInt64)])
    func numbers(_ major: UInt32, _ minor: UInt32, _ packed: UInt64) throws {
        #expect(try operation(device(.c, "/dev/x", major, minor)).numbers.1 == packed)
    }

    @Test func kindsModesAndOwners() throws {
        #expect(try operation(device(.c, "/dev/x", 1, 1)).numbers.0 == 0o020666)
        #expect(try operation(device(.u, "/dev/x", 1, 1, mode: 0)).numbers.0 == 0o020000)
        #expect(try operation(device(.b, "/dev/x", 1, 1, mode: 0o600)).numbers.0 == 0o060600)
        #expect(try operation(device(.p, "/dev/x", mode: 0o4755)).numbers.0 == 0o014755)
        // Engines put the type into the mode too.
        #expect(try operation(device(.b, "/dev/x", 1, 1, mode: 0o100644)).numbers.0 == 0o060644)
        var owned = device(.c, "/dev/x", 1, 1)
        owned.uid = 7
        owned.gid = .max - 1
        #expect(try operation(owned).numbers.2 == 7 | 0xffff_fffe << 32)
    }

    /// config-linux.md, "Default Devices".
    @Test func defaults() throws {
        let plan = try compile { _ in }
        let made = plan.operations(PLAN_DEVICE).map { "\(plan.text($0.strings.0)) \($0.numbers.1)" }
        #expect(
            made == [
                "/dev/null 259", "/dev/zero 261", "/dev/full 263", "/dev/random 264", "/dev/urandom 265",
                "/dev/tty 1280",
            ])
        let links = plan.operations(PLAN_SYMLINK).map {
            "\(plan.text($0.strings.0)) \(plan.text($0.strings.1))"
        }
        #expect(
            links == [
                "/dev/fd /proc/self/fd", "/dev/stdin /proc/self/fd/0", "/dev/stdout /proc/self/fd/1",
                "/dev/stderr /proc/self/fd/2", "/dev/core /proc/kcore", "/dev/ptmx pts/ptmx",
            ])
        #expect(plan.operations(PLAN_SYMLINK).last?.flags == UInt32(PLAN_SYMLINK_REPLACE))
        let without = try Circumstances.all[2].compile(configuration())
        #expect(!without.operations(PLAN_SYMLINK).contains { without.text($0.strings.0) == "/dev/core" })
    }

    @Test func aConfiguredOneReplacesTheDefault() throws {
        let plan = try compile { $0.linux?.devices = [self.device(.c, "/dev/null", 1, 3, mode: 0o600)] }
        let nulls = plan.operations(PLAN_DEVICE).filter { plan.text($0.strings.0) == "/dev/null" }
        #expect(nulls.map(\.numbers.0) == [0o020600])
        #expect(plan.operations(PLAN_DEVICE).count == 6)
    }

    /// A /dev from outside is not filled.
    @Test func aForeignDirectory() throws {
        let plan = try compile {
            var mount = Mount(destination: "/x/../dev/")
            mount.source = "/dev"
            mount.options = ["rbind"]
            $0.mounts = [mount]
        }
        #expect(!plan.has(PLAN_DEVICE) && !plan.has(PLAN_SYMLINK))
    }

    /// Where nobody may make nodes, the host's are bound.
    @Test func withoutPrivilege() throws {
        let plan = try compile(in: Circumstances.all[4]) {
            $0.linux?.devices = [self.device(.c, "/dev/fuse", 10, 229), self.device(.p, "/dev/fifo")]
        }
        #expect(plan.operations(PLAN_DEVICE).map { plan.text($0.strings.0) } == ["/dev/fifo"])
        let bound = plan.operations(PLAN_MOUNT_BIND)
        #expect(bound.count == 7)
        #expect(bound.allSatisfy { $0.strings.0 != 0 && plan.text($0.strings.0) == plan.text($0.strings.1) })
        #expect(bound.last.map { plan.text($0.strings.0) } == "/dev/fuse")
    }
}
