import CStage
import Diagnosis
import Glibc
import OCISpec
import Testing

@testable import LaunchPlan

@Suite struct ExecTests {
    private func plan(
        clones: Bool = true, _ change: (inout Config, inout OCISpec.Process) -> Void = { _, _ in }
    ) throws -> Plan {
        let circumstances = Circumstances.ordinary
        var config = try Sample("spec-default").config
        if config.namespace(.cgroup) == nil { config.linux?.namespaces.append(Namespace(type: .cgroup)) }
        var process = try #require(config.process)
        process.terminal = false
        change(&config, &process)
        var facts = circumstances.facts
        facts.clonesIntoCgroup = clones
        return try Compiler.compileExec(
            process, at: "/process", config: config, facts: facts, options: LaunchOptions(wait: .never))
    }

    @Test func order() throws {
        let plan = try plan()
        let join = try #require(plan.first(PLAN_SETNS))
        let clone = try #require(plan.first(PLAN_CLONE))
        // A tree mounted with nsdelegate admits nobody from outside the cgroup namespace of who asks.
        let cgroup = try #require(plan.positions(PLAN_SETNS).last)
        #expect(join < clone && clone < cgroup)
        #expect(plan.steps[join].op.numbers.0 & Namespace.Kind.cgroup.cloneFlag == 0)
        #expect(plan.steps[cgroup].op.numbers.0 == Namespace.Kind.cgroup.cloneFlag)
        #expect(plan.clonesItself && plan.steps.last?.op.code == PLAN_EXEC.rawValue)
        for code in [
            PLAN_FIFO, PLAN_MOUNT_FS, PLAN_PIVOT, PLAN_MASK, PLAN_READONLY, PLAN_CHROOT, PLAN_CONSOLE,
        ] {
            #expect(!plan.has(code))
        }
    }

    @Test func nothingToMeetForNeedsNoMeeting() throws {
        #expect(try plan { _, process in process.rlimits = [] }.rendezvous.isEmpty)
        let limit = RLimit(type: .RLIMIT_CORE, soft: 1, hard: 2)
        let limited = try plan { _, process in process.rlimits = [limit] }
        #expect(limited.rendezvous.isEmpty)
        #expect(limited.operations(PLAN_LIMIT).map(\.numbers.0) == [UInt64(RLIMIT_CORE.rawValue)])
        // In a user namespace the process could not raise it.
        let inside = try plan { config, process in
            config.linux?.namespaces.append(Namespace(type: .user))
            process.rlimits = [limit]
        }
        #expect(inside.actions(at: "ready") == [.setLimits([limit], at: "/process/rlimits")])
        #expect(!inside.has(PLAN_LIMIT))
    }

    @Test func whatCannotBeBornInTheCgroupIsMovedBeforeItSeesIt() throws {
        let plan = try plan(clones: false)
        #expect(plan.actions(at: "placed") == [.joinCgroup])
        let placed = try #require(plan.position(ofRendezvous: "placed"))
        #expect(placed < (try #require(plan.positions(PLAN_SETNS).last)))
        #expect(!plan.descriptors.map(\.source).contains(.cgroup))
    }

    @Test func terminal() throws {
        let plan = try plan { _, process in
            process.terminal = true
            process.consoleSize = ConsoleSize(height: 5, width: 6)
        }
        let console = try #require(plan.first(PLAN_CONSOLE))
        let op = plan.steps[console].op
        // No mount: the container's /dev/console is its first process's.
        #expect(op.strings.1 == 0 && op.numbers.0 == 5 && op.numbers.1 == 6)
        #expect(try #require(plan.first(PLAN_ROOTFS)) < console)
        #expect(console < (try #require(plan.first(PLAN_STDIO))))
    }

    @Test func sharedMountNamespace() throws {
        let plan = try plan { config, _ in config.linux?.namespaces.removeAll { $0.type == .mount } }
        #expect(plan.has(PLAN_CHROOT))
    }

    @Test func scoreIsSetWhileItMayBeLowered() throws {
        let plan = try plan { _, process in process.oomScoreAdj = -5 }
        let write = try #require(plan.first(PLAN_WRITE))
        #expect(write < (try #require(plan.first(PLAN_SETNS))))
    }

    @Test func unsupportedIsBlamedOnItsOwnDocument() throws {
        let config = try Sample("spec-default").config
        var process = try #require(config.process)
        process.scheduler = Scheduler(policy: .SCHED_ISO)
        #expect {
            try Compiler.compileExec(
                process, at: "", config: config, facts: Circumstances.ordinary.facts,
                options: LaunchOptions(wait: .never))
        } throws: {
            ($0 as? Failure)?.origin == .config("/scheduler/policy")
        }
    }
}
