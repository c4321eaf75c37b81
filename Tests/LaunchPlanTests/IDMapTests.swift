import CStage
import Diagnosis
import OCISpec
import Testing

@testable import LaunchPlan

/// Mounts that the runtime makes, those whose IDs are mapped above all, and what is refused.
@Suite struct IDMapTests {
    private static let range = IDMapping(containerID: 0, hostID: 100_000, size: 65536)

    private func compiled(
        _ type: String?, _ source: String?, _ options: [String], uids: [IDMapping]? = nil,
        gids: [IDMapping]? = nil, inUserNamespace: Bool = true, privileged: Bool = true,
        _ change: (inout Config) -> Void = { _ in }
    ) throws -> Plan {
        var circumstances = Circumstances.ordinary
        circumstances.facts.isPrivileged = privileged
        return try compile(in: circumstances) {
            var mount = Mount(destination: "/x")
            (mount.type, mount.source, mount.options) = (type, source, options)
            (mount.uidMappings, mount.gidMappings) = (uids, gids)
            $0.mounts = [mount]
            if inUserNamespace {
                $0.linux?.namespaces.append(Namespace(type: .user))
                $0.linux?.uidMappings = [Self.range]
                $0.linux?.gidMappings = [Self.range]
            }
            change(&$0)
        }
    }

    private func detached(_ plan: Plan) throws -> DetachedMount {
        let slot = try #require(plan.operations(PLAN_MOUNT_BIND).first { $0.slots.0 >= 0 }).slots.0
        guard case .mount(let mount)? = plan.source(slot) else {
            throw Failure("slot \(slot) is not a mount's")
        }
        return mount
    }

    private func failure(_ body: () throws -> Plan) -> Failure? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? Failure
        }
    }

    @Test func closedSource() throws {
        var circumstances = Circumstances.ordinary
        circumstances.facts.closedSources = ["/closed"]
        let plan = try compile(in: circumstances) {
            $0.mounts = ["/closed", "/open"].map {
                var mount = Mount(destination: "/x\($0)")
                (mount.type, mount.source, mount.options) = ("bind", $0, ["rbind", "ro"])
                return mount
            }
        }
        let mount = try detached(plan)
        #expect(mount.source == .path("/closed", isRecursive: true, followsLink: true))
        #expect(mount.idMap == nil && mount.propagation == 1 << 19)
        #expect(plan.operations(PLAN_MOUNT_BIND).filter { $0.slots.0 >= 0 }.count == 1)
    }

    @Test func mapOfTheContainer() throws {
        let mount = try detached(compiled("bind", "/src", ["rbind", "idmap", "ro"]))
        #expect(mount.source == .path("/src", isRecursive: true, followsLink: true))
        #expect(mount.idMap == .mappings(uids: [Self.range], gids: [Self.range]))
        #expect(!mount.mapsAll && mount.propagation == 1 << 19)
        let deep = try detached(
            compiled("bind", "/src", ["rbind", "ridmap", "src-nofollow"]) {
                $0.linux?.rootfsPropagation = .rprivate
            })
        #expect(deep.mapsAll && deep.propagation == 1 << 18)
        #expect(deep.source == .path("/src", isRecursive: true, followsLink: false))
        let joined = try detached(
            compiled("bind", "/src", ["idmap"], inUserNamespace: false) {
                $0.linux?.namespaces.append(Namespace(type: .user, path: "/proc/7/ns/user"))
            })
        #expect(joined.idMap == .namespace(path: "/proc/7/ns/user"))
    }

    /// Mappings imply the option.
    @Test func mapOfItsOwn() throws {
        let own = IDMapping(containerID: 5, hostID: 6, size: 7)
        let mount = try detached(
            compiled("bind", "/src", [], uids: [own], gids: [Self.range], inUserNamespace: false))
        #expect(mount.idMap == .mappings(uids: [own], gids: [Self.range]))
        #expect(mount.idMapField == "/mounts/0/uidMappings")
    }

    @Test func fileSystems() throws {
        let plan = try compiled(
            "tmpfs", "name", ["idmap", "size=1m,huge", "sync", "nosuid", "tmpcopyup", "ro"])
        #expect(
            try detached(plan).source
                == .fileSystem("tmpfs", source: "name", options: ["sync", "size=1m", "huge"]))
        let op = try #require(plan.operations(PLAN_MOUNT_BIND).first)
        #expect(op.flags == UInt32(PLAN_MOUNT_COPY_MODE | PLAN_MOUNT_COPY_UP))
        #expect(op.numbers.0 == 2 | 1 << 32)
        #expect(plan.has(PLAN_REMOUNT) && !plan.has(PLAN_MOUNT_FS))
    }

    @Test(
        arguments: [
            ("idmap=uids=0-1000-10;gids=5-2000-1", [[0, 1000, 10]], [[5, 2000, 1]]),
            ("idmap=uids=0-1-1#1-9-2;gids=0-0-1", [[0, 1, 1], [1, 9, 2]], [[0, 0, 1]]),
            ("ridmap=gids=@0-3-4;uids=@7-0-65536", [[7, 100_000, 65536]], [[0, 100_003, 4]]),
        ] as [(String, [[UInt32]], [[UInt32]])])
    func crunsForm(_ option: String, _ uids: [[UInt32]], _ gids: [[UInt32]]) throws {
        func mappings(_ rows: [[UInt32]]) -> [IDMapping] {
            rows.map { IDMapping(containerID: $0[0], hostID: $0[1], size: $0[2]) }
        }
        let mount = try detached(compiled("bind", "/src", [option]))
        #expect(mount.idMap == .mappings(uids: mappings(uids), gids: mappings(gids)))
        #expect(mount.mapsAll == option.hasPrefix("r"))
    }

    @Test(arguments: [
        "idmap=", "idmap=uids=0-0-1", "idmap=gids=0-0-1", "idmap=uids=0-0-1;gids=0-0",
        "idmap=foo=1;uids=0-0-1",
        "idmap=uids=a-0-1;gids=0-0-1", "idmap=uids=-1-0-1;gids=0-0-1", "idmap=uids=0-0-1-1;gids=0-0-1",
        "idmap=uids=0-0-0;gids=0-0-1", "idmap=uids=0-0-2#1-5-1;gids=0-0-1",
        "idmap=uids=@0-65536-1;gids=0-0-1", "idmap=uids=@0-1-65536;gids=0-0-1",
        "idmap=uids=0-4294967295-1;gids=0-0-1", "idmap=uids=0-0-99999999999;gids=0-0-1",
    ])
    func refusedMappings(_ option: String) {
        let failure = failure { try compiled("bind", "/src", [option]) }
        guard case .config(let pointer)? = failure?.origin else {
            Issue.record("\(option): \(String(describing: failure))")
            return
        }
        #expect(pointer.description.hasPrefix("/mounts/0/options"))
    }

    @Test func refusals() {
        let options: Failure.Origin = .config("/mounts/0/options")
        #expect(failure { try compiled("bind", "/src", ["idmap"], privileged: false) }?.origin == options)
        #expect(failure { try compiled("bind", "/src", ["idmap", "copy-symlink"]) }?.origin == options)
        #expect(failure { try compiled(nil, nil, ["remount", "idmap"]) }?.origin == options)
        #expect(failure { try compiled("cgroup", nil, ["idmap"]) }?.origin == options)
        #expect(failure { try compiled("tmpfs", nil, ["idmap", "silent"]) }?.origin == options)
        #expect(
            failure {
                try compiled(
                    "bind", "/src", ["idmap=uids=0-0-1;gids=0-0-1"], uids: [Self.range], gids: [Self.range])
            }?.origin == options)
        #expect(
            failure {
                try compiled("bind", "/src", [], uids: [Self.range], gids: [Self.range], privileged: false)
            }?.origin == .config("/mounts/0/uidMappings"))
        #expect(
            failure {
                try compile {
                    $0.mounts = (0..<200).map {
                        var mount = Mount(destination: "/x\($0)")
                        (mount.type, mount.source) = ("bind", "/src")
                        (mount.uidMappings, mount.gidMappings) = ([Self.range], [Self.range])
                        return mount
                    }
                }
            }?.reason.hasPrefix("too many") == true)
    }
}
