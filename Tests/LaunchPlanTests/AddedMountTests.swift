import CStage
import Diagnosis
import OCISpec
import Testing

@testable import LaunchPlan

/// Mounts that are added to a container that runs.
@Suite struct AddedMountTests {
    private func mount(_ type: String?, _ source: String? = nil, _ options: [String] = []) -> Mount {
        var mount = Mount(destination: "/x")
        (mount.type, mount.source, mount.options) = (type, source, options)
        return mount
    }

    private func config(_ kinds: [Namespace.Kind] = [.pid, .user, .mount, .network, .ipc, .uts]) -> Config {
        configuration { $0.linux?.namespaces = kinds.map { Namespace(type: $0) } }
    }

    @Test func addition() throws {
        let change = try Compiler.compileAddition(
            of: [mount("bind", "/src", ["rbind"]), mount("tmpfs", nil, ["ro"]), mount(nil, "/f", ["bind"])],
            config: config(), facts: Circumstances.ordinary.facts)
        let plan = change.plan
        #expect(!plan.clonesItself && plan.birthFlags == 0)
        let join = try #require(plan.operations(PLAN_SETNS).first)
        // Not the pid namespace: who is in it is seen.
        #expect(join.numbers.0 == 0x1000_0000 | 0x2_0000 | 0x4000_0000 | 0x800_0000)
        #expect(plan.positions(PLAN_MOUNT_BIND) == [change.steps[0], change.steps[2]])
        #expect(plan.positions(PLAN_MOUNT_FS) == [change.steps[1]])
        #expect(plan.operations(PLAN_MOUNT_BIND).allSatisfy { $0.slots.0 >= 0 && $0.strings.1 == 0 })
        #expect(plan.positions(PLAN_REMOUNT) == [change.steps[1] + 1])
        #expect(plan.positions(PLAN_DONE) == [plan.steps.count - 1])
        #expect(!plan.has(PLAN_PIVOT) && !plan.has(PLAN_CLONE))
    }

    @Test func removal() throws {
        let plan = try Compiler.compileRemoval(
            of: [("/b", "/0/destination"), ("/a", "/1/destination")], config: config([.mount]),
            facts: Circumstances.ordinary.facts)
        #expect(plan.operations(PLAN_UNMOUNT).map { plan.text($0.strings.0) } == ["/b", "/a"])
        #expect(plan.operations(PLAN_SETNS).map(\.numbers.0) == [0x2_0000])
    }

    @Test func refusals() {
        let cases: [(Mount, Pointer)] = [
            (mount(nil, nil, ["remount", "ro"]), "/0/options"), (mount("proc"), "/0/type"),
            (mount("cgroup"), "/0/type"), (mount("cgroup2"), "/0/type"),
            (mount("bind", "/src", ["copy-symlink"]), "/0/options"), (mount("bind"), "/0/source"),
            (mount("tmpfs", nil, ["dest-nofollow"]), "/0/options"),
        ]
        for (bad, pointer) in cases {
            #expect(throws: Failure.self, "\(bad)") {
                try Compiler.compileAddition(of: [bad], config: config(), facts: Circumstances.ordinary.facts)
            }
            do throws(Failure) {
                _ = try Compiler.compileAddition(
                    of: [bad], config: config(), facts: Circumstances.ordinary.facts)
            } catch {
                #expect(error.origin == .config(pointer))
            }
        }
        #expect(throws: Failure.self) {
            try Compiler.compileAddition(
                of: [mount("tmpfs")], config: config([.pid]), facts: Circumstances.ordinary.facts)
        }
        var facts = Circumstances.ordinary.facts
        facts.isPrivileged = false
        #expect(throws: Failure.self) {
            try Compiler.compileAddition(of: [mount("bind", "/src")], config: config(), facts: facts)
        }
    }

    @Test func documents() throws {
        let text = #"[{"destination":"/a/../b/","type":"tmpfs"},{"destination":"c"}]"#
        #expect(try Mount.decodeTargets(Array(text.utf8)) == ["/b", "/c"])
        #expect(try Mount.decodeList(Array(text.utf8), hasUserNamespace: false).count == 2)
        for (bad, pointer) in [
            (#"[{"destination":"/a"},{"destination":"/.."}]"#, "/1/destination"),
            (#"[{"type":"tmpfs"}]"#, "/0/destination"), (#"[{"destination":""}]"#, "/0/destination"),
            (#"[{"destination":7}]"#, "/0/destination"),
        ] as [(String, Pointer)] {
            do throws(Failure) {
                _ = try Mount.decodeTargets(Array(bad.utf8))
                Issue.record("\(bad)")
            } catch {
                #expect(error.origin == .config(pointer), "\(bad)")
            }
        }
        #expect(throws: Failure.self) { try Mount.decodeTargets(Array("{}".utf8)) }
        #expect(throws: Failure.self) { try Mount.decodeTargets(Array("[] x".utf8)) }
        #expect(throws: Failure.self) {
            try Mount.decodeList(
                Array(#"[{"destination":"/a","options":["idmap"]}]"#.utf8), hasUserNamespace: false)
        }
    }
}
