import CStage
import Diagnosis
import OCISpec
import Testing

@testable import LaunchPlan

@Suite struct NamespaceTests {
    private func joined(_ kinds: [Namespace.Kind], isPrivileged: Bool) throws -> [Namespace.Kind] {
        var circumstances = Circumstances.ordinary
        circumstances.facts.isPrivileged = isPrivileged
        let plan = try compile(in: circumstances) {
            $0.linux?.namespaces = kinds.map { Namespace(type: $0, path: "/ns/\($0.rawValue)") }
        }
        return plan.operations(PLAN_SETNS).compactMap { op in
            guard case .namespace(let kind, let path, _)? = plan.source(op.slots.0) else {
                return nil
            }
            #expect(op.numbers.0 == kind.cloneFlag && path == "/ns/\(kind.rawValue)")
            return kind
        }
    }

    /// The host's root joins what may be the host's before it becomes somebody else; others get the right to
    /// join from the user namespace. The mount namespace hides the files of the rest.
    @Test func orderOfJoining() throws {
        let kinds: [Namespace.Kind] = [.user, .mount, .network, .pid, .ipc, .uts, .cgroup, .time]
        let others: [Namespace.Kind] = [.network, .pid, .ipc, .uts, .cgroup, .time]
        #expect(try joined(kinds, isPrivileged: true) == others + [.mount, .user])
        #expect(try joined(kinds, isPrivileged: false) == [.user] + others + [.mount])
        #expect(try joined([.pid], isPrivileged: true) == [.pid])
    }

    @Test func bornInNewOnes() throws {
        let kinds: [Namespace.Kind] = [.pid, .network, .mount, .ipc, .uts, .time]
        let plan = try compile { $0.linux?.namespaces = (kinds + [.cgroup]).map { Namespace(type: $0) } }
        #expect(plan.birthFlags == 0x2000_0000 | 0x4000_0000 | 0x2_0000 | 0x800_0000 | 0x400_0000 | 0x80)
        #expect(!plan.clonesItself && !plan.has(PLAN_CLONE))
        let unshare = plan.steps[try #require(plan.calls(PLAN_CALL_unshare).first)].op
        #expect(unshare.numbers.1 == 0x200_0000)
        #expect(plan.position(ofRendezvous: "placed") == nil)
    }

    /// The clocks of a time namespace are set before anybody is in it.
    @Test func clocks() throws {
        func plan(_ kinds: [Namespace.Kind]) throws -> Plan {
            try compile {
                $0.linux?.namespaces = kinds.map { Namespace(type: $0) }
                if kinds.contains(.user) {
                    $0.linux?.uidMappings = [IDMapping(containerID: 0, hostID: 1000, size: 1)]
                    $0.linux?.gidMappings = [IDMapping(containerID: 0, hostID: 1000, size: 1)]
                }
                var offset = TimeOffset(clock: .boottime)
                offset.secs = -7
                offset.nanosecs = 8
                $0.linux?.timeOffsets = [offset]
            }
        }
        for kinds in [[.time, .mount, .pid], [.time, .mount, .pid, .user]] as [[Namespace.Kind]] {
            let plan = try plan(kinds)
            let unshare = try #require(
                plan.calls(PLAN_CALL_unshare).first { plan.steps[$0].op.numbers.1 == 0x80 })
            let write = try #require(
                plan.steps.firstIndex { $0.origin == .config("/linux/timeOffsets") })
            let clone = try #require(plan.first(PLAN_CLONE))
            #expect(unshare < write && write < clone)
            #expect(plan.steps[clone].op.numbers.0 & 0x80 == 0 && plan.birthFlags == 0)
            #expect(plan.steps[write].doing.contains("boottime -7 8"))
        }
    }

    @Test func aNewUserNamespace() throws {
        let uid = [IDMapping(containerID: 0, hostID: 1000, size: 1)]
        let gid = [IDMapping(containerID: 0, hostID: 2000, size: 5)]
        let plan = try compile {
            $0.linux?.namespaces = [Namespace(type: .user), Namespace(type: .mount), Namespace(type: .pid)]
            $0.linux?.uidMappings = uid
            $0.linux?.gidMappings = gid
            $0.process?.oomScoreAdj = 5
        }
        #expect(plan.birthFlags == 0 && plan.birthActions.isEmpty)
        #expect(plan.operations(PLAN_CLONE).first?.numbers.0 == 0x1000_0000 | 0x2_0000 | 0x2000_0000)
        #expect(plan.actions(at: "placed") == [.adjustOOMScore(5), .mapIDs])
        // An ID 0 that is not mapped is none.
        for position in plan.calls(PLAN_CALL_setresuid) + plan.calls(PLAN_CALL_setresgid) {
            #expect(plan.steps[position].op.tolerated == [22])
        }
        let keyring = try #require(plan.operations(PLAN_KEYRING).first)
        #expect(keyring.numbers.0 == 0x8)
    }

    /// config-linux.md: it is loopback's own namespace that has it down.
    @Test func loopback() throws {
        for (namespace, isUp) in [
            (Namespace(type: .network), true), (Namespace(type: .network, path: "/ns/net"), false),
            (Namespace(type: .ipc), false),
        ] {
            let plan = try compile { $0.linux?.namespaces.append(namespace) }
            #expect(plan.has(PLAN_LOOPBACK) == isUp)
        }
    }

    /// Without a mount namespace of its own there is nothing the container may mount, hide or protect.
    @Test func withoutAMountNamespace() throws {
        func failure(_ change: (inout Config) -> Void) -> Failure.Origin? {
            do {
                _ = try compile {
                    $0.linux?.namespaces = [Namespace(type: .pid)]
                    change(&$0)
                }
                return nil
            } catch {
                return (error as? Failure)?.origin
            }
        }
        #expect(failure { _ in } == nil)
        #expect(
            failure {
                var mount = Mount(destination: "/x")
                mount.type = "tmpfs"
                $0.mounts = [mount]
            } == .config("/mounts"))
        #expect(failure { $0.root?.readonly = true } == .config("/root/readonly"))
        #expect(failure { $0.linux?.maskedPaths = ["/x"] } == .config("/linux/maskedPaths"))
        #expect(failure { $0.linux?.readonlyPaths = ["/x"] } == .config("/linux/readonlyPaths"))
        #expect(failure { $0.linux?.rootfsPropagation = .shared } == .config("/linux/rootfsPropagation"))
        let plan = try compile { $0.linux = nil }
        #expect(plan.has(PLAN_CHROOT) && !plan.has(PLAN_PROPAGATE) && !plan.has(PLAN_PIVOT))
        #expect(plan.operations(PLAN_ROOTFS).first?.flags == UInt32(PLAN_ROOTFS_PLAIN))
    }

    @Test(
        arguments: [
            (nil, 0x8_4000, nil), (.private, 0x4_4000, 0x4_0000), (.rprivate, 0x4_4000, 0x4_4000),
            (.slave, 0x8_4000, nil), (.rslave, 0x8_4000, nil), (.shared, 0x8_4000, 0x10_0000),
            (.rshared, 0x8_4000, 0x10_4000), (.unbindable, 0x8_4000, 0x2_0000),
            (.runbindable, 0x8_4000, 0x2_4000),
        ] as [(RootfsPropagation?, UInt64, UInt64?)])
    func propagation(_ asked: RootfsPropagation?, _ before: UInt64, _ after: UInt64?) throws {
        let plan = try compile { $0.linux?.rootfsPropagation = asked }
        let numbers = plan.operations(PLAN_PROPAGATE).map(\.numbers.0)
        #expect(numbers == [before, after].compactMap { $0 })
        let pivot = try #require(plan.first(PLAN_PIVOT))
        #expect(try #require(plan.positions(PLAN_PROPAGATE).first) < pivot)
        if after != nil { #expect(plan.positions(PLAN_PROPAGATE)[1] > pivot) }
    }

    @Test func hiddenPaths() throws {
        let plan = try compile {
            $0.linux?.maskedPaths = ["/proc/kcore", "/a"]
            $0.linux?.readonlyPaths = ["/proc/sys"]
            $0.linux?.mountLabel = "system_u:object_r:container_file_t:s0:c1,c2"
        }
        let masks = plan.operations(PLAN_MASK)
        #expect(masks.map { plan.text($0.strings.0) } == ["/proc/kcore", "/a"])
        #expect(
            masks.allSatisfy { plan.text($0.strings.1) == "system_u:object_r:container_file_t:s0:c1,c2" })
        #expect(plan.operations(PLAN_READONLY).map { plan.text($0.strings.0) } == ["/proc/sys"])
    }
}
