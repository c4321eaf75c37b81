import CStage
import Diagnosis
import OCISpec
import Testing

@testable import LaunchPlan

/// The plans of hooks that run in the container's namespaces.
@Suite struct HookPlanTests {
    private func plan(
        _ kind: HookKind, _ hook: Hook, in circumstances: Circumstances = .ordinary,
        _ change: (inout Config) -> Void = { _ in }
    ) throws -> Plan {
        try Compiler.compileHook(
            hook, kind, position: 2, config: configuration(change), facts: circumstances.facts)
    }

    private func hook(_ args: [String] = [], env: [String]? = nil) -> Hook {
        var hook = Hook(path: "/bin/hook")
        hook.args = args
        hook.env = env
        return hook
    }

    private func environment(_ plan: Plan) throws -> [String] {
        let op = try #require(plan.operations(PLAN_EXEC).first)
        return plan.texts(op.strings.1, Int(op.numbers.2))
    }

    /// A createContainer hook is the host's program, and root in the container's namespaces.
    @Test func createContainer() throws {
        let plan = try plan(.createContainer, hook(["h", "a"])) {
            $0.linux?.namespaces = [Namespace(type: .mount), Namespace(type: .pid), Namespace(type: .uts)]
            $0.process?.env = ["SECRET=1"]
            $0.process?.noNewPrivileges = true
            $0.process?.user.uid = 1000
        }
        let join = try #require(plan.operations(PLAN_SETNS).first)
        #expect(join.numbers.0 == 0x2_0000 | 0x2000_0000 | 0x400_0000)
        #expect(plan.source(join.slots.0) == .initProcess)
        #expect(plan.clonesItself && plan.birthFlags == 0)
        #expect(plan.positions(PLAN_CLONE).count == 1)
        #expect(plan.operations(PLAN_CLONE).first?.numbers.0 == 0)
        for code in [PLAN_IDENTITY, PLAN_CAPS, PLAN_BOUND, PLAN_SECCOMP, PLAN_CHROOT, PLAN_HOME, PLAN_FIFO] {
            #expect(!plan.has(code))
        }
        #expect(try environment(plan) == [])
        let exec = try #require(plan.operations(PLAN_EXEC).first)
        #expect(plan.texts(exec.strings.0, Int(exec.numbers.1)) == ["h", "a"])
        #expect(exec.numbers.0 == 3)
        #expect(plan.steps.last?.origin == .config("/hooks/createContainer/2/args"))
        #expect(plan.rendezvous.isEmpty)
        #expect(verdict(on: try plan.testImage()) == nil)
    }

    /// A startContainer hook is the image's program: it gets what the process gets, and no more.
    @Test func startContainer() throws {
        func change(_ config: inout Config) {
            config.process?.env = ["A=1", "HOME=/h"]
            config.process?.noNewPrivileges = true
            config.process?.user.uid = 1000
            config.linux?.namespaces = [Namespace(type: .mount), Namespace(type: .cgroup)]
            config.linux?.seccomp = SeccompProfile(defaultAction: .SCMP_ACT_ALLOW)
        }
        let plan = try plan(.startContainer, hook(), change)
        #expect(try environment(plan) == ["A=1", "HOME=/h"])
        #expect(plan.operations(PLAN_IDENTITY).first?.numbers.0 == 1000)
        let caps = try #require(plan.first(PLAN_CAPS))
        let filter = try #require(plan.first(PLAN_SECCOMP))
        #expect(caps < filter)
        #expect(plan.calls(PLAN_CALL_prctl).count == 1)
        let exec = try #require(plan.operations(PLAN_EXEC).first)
        #expect(plan.texts(exec.strings.0, Int(exec.numbers.1)) == ["/bin/hook"])
        #expect(verdict(on: try plan.testImage()) == nil)
        let own = try self.plan(.startContainer, hook(env: ["B=2", "HOME=/"]), change)
        #expect(try environment(own) == ["B=2", "HOME=/"])
        // Without noNewPrivileges the filter comes before the identity goes.
        let early = try self.plan(.startContainer, hook()) {
            change(&$0)
            $0.process?.noNewPrivileges = false
        }
        #expect(try #require(early.first(PLAN_SECCOMP)) < (try #require(early.first(PLAN_BOUND))))
    }

    /// Into every cgroup of the container, when the process that execs the hook is there.
    @Test func cgroups() throws {
        func hookPlan(_ circumstances: Circumstances) throws -> Plan {
            try Compiler.compileHook(
                hook(), .createContainer, position: 0, config: configuration(), facts: circumstances.facts)
        }
        func joins(_ circumstances: Circumstances) throws -> [String] {
            let plan = try hookPlan(circumstances)
            let clone = try #require(plan.first(PLAN_CLONE))
            return plan.positions(PLAN_WRITE).filter { $0 > clone }.map {
                plan.text(plan.steps[$0].op.strings.0)
            }
        }
        #expect(try joins(.ordinary) == [])
        #expect(try joins(Circumstances.all[1]) == ["tasks", "tasks", "tasks"])
        #expect(try hookPlan(Circumstances.all[3]).actions(at: "placed") == [.joinCgroup])
    }

    @Test func withoutNamespaces() throws {
        let plan = try plan(.startContainer, hook(env: ["HOME=/"])) { $0.linux = nil }
        #expect(!plan.has(PLAN_SETNS))
        #expect(plan.has(PLAN_CHROOT))
        #expect(verdict(on: try plan.testImage()) == nil)
    }

    /// The image of every hook's plan, of every configuration, is one that the stage runs.
    @Test(arguments: Sample.all, Circumstances.all)
    func images(_ sample: Sample, _ circumstances: Circumstances) throws {
        for kind in [HookKind.createContainer, .startContainer] {
            guard
                let plan = try? Compiler.compileHook(
                    hook(), kind, position: 0, config: sample.config, facts: circumstances.facts)
            else { continue }
            #expect(verdict(on: try plan.testImage()) == nil, "\(kind)")
        }
    }
}
