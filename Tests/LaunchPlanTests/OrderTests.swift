import CStage
import Foundation
import CKernel
import LaunchPlan
import OCISpec
import Testing

/// What must hold of the order of every plan, whatever the configuration and the host.
@Suite struct OrderTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var sample: Sample
        var circumstances: Circumstances
        var plan: Plan

        var testDescription: String { "\(sample.name), \(circumstances.name)" }
        var config: Config { sample.config }
        var setsClocks: Bool { config.linux?.timeOffsets.isEmpty == false && config.hasNew(.time) }
        /// All but the time namespace, which its maker is never in.
        var unsharedByTheProcess: [Int] {
            plan.calls(PLAN_CALL_unshare).filter {
                plan.steps[$0].op.numbers.1 != Namespace.Kind.time.cloneFlag
            }
        }
    }

    static let cases: [Case] = Sample.all.flatMap { sample in
        Circumstances.all.compactMap { circumstances in
            (try? circumstances.compile(sample.config)).map {
                Case(sample: sample, circumstances: circumstances, plan: $0)
            }
        }
    }

    @Test func thereIsSomethingToTest() {
        let plans = FileManager.default.enumerator(atPath: fixtures.appending(path: "plans").path)
        let own = plans?.compactMap { $0 as? String }.filter { $0.hasSuffix(".json") } ?? []
        #expect(own.count >= 12)
        #expect(Set(Self.cases.map { $0.sample.name + ".json" }).isSuperset(of: own))
        #expect(Self.cases.count >= own.count * Circumstances.all.count)
    }

    @Test(arguments: cases)
    func beginningAndEnd(_ test: Case) throws {
        let plan = test.plan
        #expect(plan.steps.first?.op.code == PLAN_SIGNALS.rawValue)
        #expect(plan.positions(PLAN_EXEC) == [plan.steps.count - 1])
        #expect(plan.positions(PLAN_LOOKUP).count == 1)
        #expect(plan.calls(PLAN_CALL_setsid).count == 1)
        for (number, position) in plan.positions(PLAN_SYNC).enumerated() {
            #expect(plan.steps[position].op.numbers.0 == UInt64(number))
        }
        #expect(plan.positions(PLAN_SYNC).count == plan.rendezvous.count)
    }

    /// What is mounted goes below the new root, and is there before the old one goes away.
    @Test(arguments: cases)
    func mounts(_ test: Case) throws {
        let plan = test.plan
        let root = try #require(plan.first(PLAN_ROOTFS))
        #expect(plan.positions(PLAN_ROOTFS).count == 1)
        let entries = [PLAN_PIVOT, PLAN_MOVE_ROOT, PLAN_CHROOT].flatMap(plan.positions)
        let entry = try #require(entries.first)
        #expect(entries.count == 1)
        let code = plan.steps[entry].op.code
        if !test.config.hasNew(.mount) {
            #expect(code == PLAN_CHROOT.rawValue)
        } else if test.circumstances.options.noPivot {
            #expect(code == PLAN_MOVE_ROOT.rawValue)
        } else {
            #expect(code == PLAN_PIVOT.rawValue)
        }
        for code in [
            PLAN_MOUNT_FS, PLAN_MOUNT_BIND, PLAN_REPROPAGATE, PLAN_DEVICE, PLAN_SYMLINK,
        ] {
            for position in plan.positions(code) { #expect(root < position && position < entry) }
        }
        // The working directory has to be there before the root is read-only.
        let readOnly = try plan.positions(PLAN_REMOUNT).last ?? #require(plan.first(PLAN_EXEC))
        for position in plan.positions(PLAN_DIRECTORY) { #expect(root < position && position < readOnly) }
        for code in [PLAN_MASK, PLAN_READONLY, PLAN_HOME, PLAN_CHDIR, PLAN_LOOKUP] {
            for position in plan.positions(code) { #expect(position > entry) }
        }
        if test.config.hasNew(.mount) {
            let propagate = try #require(plan.first(PLAN_PROPAGATE))
            #expect(propagate < root)
            #expect(plan.text(plan.steps[propagate].op.strings.0) == "/")
        } else {
            #expect(!plan.has(PLAN_MOUNT_FS) && !plan.has(PLAN_MOUNT_BIND) && !plan.has(PLAN_DEVICE))
        }
    }

    /// What is to be filled is made read-only when it is full, and the root last.
    @Test(arguments: cases)
    func readOnly(_ test: Case) {
        let plan = test.plan
        let last =
            [PLAN_MOUNT_FS, PLAN_MOUNT_BIND, PLAN_DEVICE, PLAN_SYMLINK, PLAN_PIVOT]
            .flatMap(plan.positions).max() ?? 0
        for (index, mount) in test.config.mounts.enumerated()
        where mount.type == "tmpfs" && mount.options.last == "ro" {
            let origin = "/mounts/\(index)/options"
            let positions = plan.positions(PLAN_REMOUNT).filter {
                plan.steps[$0].doing.hasSuffix("read-only") && "\(plan.steps[$0].origin)".contains(origin)
            }
            #expect(positions.count == 1)
            #expect(positions.allSatisfy { $0 > last })
        }
        let root = plan.positions(PLAN_REMOUNT).filter { plan.text(plan.steps[$0].op.strings.0) == "/" }
        #expect(root.count == (test.config.root?.readonly == true ? 1 : 0))
        #expect(root.isEmpty || root == plan.positions(PLAN_REMOUNT).suffix(1))
    }

    /// With no_new_privs the filter is the last thing before the exec, so that it need allow nothing else;
    /// without, it comes before the capabilities go that loading it takes.
    @Test(arguments: cases)
    func filter(_ test: Case) throws {
        let plan = test.plan
        let filters = plan.positions(PLAN_SECCOMP)
        #expect(filters.count == (test.config.linux?.seccomp == nil ? 0 : 1))
        let isBound = test.config.process?.noNewPrivileges == true
        let bindings = plan.prctls(PR_SET_NO_NEW_PRIVS)
        #expect(bindings.count == (isBound ? 1 : 0))
        guard let filter = filters.first else { return }
        let ready = try #require(plan.position(ofRendezvous: "ready"))
        #expect(ready < filter)
        if let agent = plan.position(ofRendezvous: "agent") {
            // The runtime has connected when the filter comes, and is still there.
            #expect(plan.listener != nil && agent == filter - 1)
            let wait = plan.first(PLAN_FIFO) ?? plan.position(ofRendezvous: "created") ?? plan.steps.count - 1
            #expect(filter < wait)
            #expect(isBound ? filter == wait - 1 : agent == ready + 1)
        } else if isBound {
            #expect(filter == plan.steps.count - 2)
            #expect(try #require(bindings.first) < filter)
        } else {
            #expect(filter < (try #require(plan.first(PLAN_BOUND))))
            #expect(filter == ready + 1)
        }
    }

    /// Bounding set, IDs, capabilities; and once the process is the user's own it touches no more files than
    /// it takes to find its program and wait for its start.
    @Test(arguments: cases)
    func identity(_ test: Case) throws {
        let plan = test.plan
        let identity = try #require(plan.first(PLAN_IDENTITY))
        #expect(plan.positions(PLAN_IDENTITY) == [identity])
        #expect(plan.positions(PLAN_BOUND) == [identity - 1])
        #expect(plan.positions(PLAN_CAPS) == [identity + 1])
        for step in plan.steps[(identity + 2)...] {
            switch plan_opcode(step.op.code) {
            case PLAN_CHDIR: #expect(step.op.flags == UInt32(PLAN_CHDIR_RETRY))
            case PLAN_SYNC:
                let meeting = plan.rendezvous[Int(step.op.numbers.0)]
                #expect(meeting.actions == [.created] || meeting.name == "agent")
            case PLAN_CALL: #expect(step.op.numbers.0 == UInt64(PLAN_CALL_prctl.rawValue))
            case PLAN_LOOKUP, PLAN_STRIP, PLAN_FIFO, PLAN_SECCOMP, PLAN_EXEC: break
            default: Issue.record("\(step.op.name) after the change of identity")
            }
        }
        let changes = plan.positions(PLAN_CHDIR)
        #expect(changes.count == 2)
        #expect(changes[0] < identity && changes[1] > identity)
        #expect(plan.steps[changes[0]].op.flags == UInt32(PLAN_CHDIR_CREATE))
    }

    /// After `ready` the runtime has nothing more to do for the process but to say "go".
    @Test(arguments: cases)
    func rendezvous(_ test: Case) throws {
        let plan = test.plan
        let ready = try #require(plan.position(ofRendezvous: "ready"))
        #expect(plan.actions(at: "ready")?.last == .record)
        #expect(ready < (try #require(plan.first(PLAN_BOUND))))
        for code in [
            PLAN_WRITE, PLAN_KEYRING, PLAN_MASK, PLAN_READONLY, PLAN_HOME, PLAN_STDIO, PLAN_HOSTNAME,
        ] {
            for position in plan.positions(code) { #expect(position < ready) }
        }
        // Whoever waits holds nothing of the host's, and only then may be looked at.
        let strip = try #require(plan.first(PLAN_STRIP))
        #expect(ready < strip)
        let waiting = plan.first(PLAN_FIFO) ?? plan.position(ofRendezvous: "created") ?? 0
        let shown = plan.prctls(PR_SET_DUMPABLE).filter { $0 > ready }
        let isShown =
            test.circumstances.facts.ownCapabilities == 0 && test.config.namespace(.user) != nil
        #expect(shown == (isShown ? [strip + 1] : []))
        let listening = plan.position(ofRendezvous: "agent").map { $0 > strip ? 2 : 0 } ?? 0
        #expect(waiting == strip + 1 + shown.count + listening)
        switch test.circumstances.options.wait {
        case .fifo:
            #expect(plan.positions(PLAN_FIFO).count == 1)
            #expect(plan.position(ofRendezvous: "created") == nil)
        case .runtime:
            #expect(!plan.has(PLAN_FIFO))
            #expect(plan.position(ofRendezvous: "created") != nil)
        case .never:
            Issue.record("an init process always waits")
        }
        let hooks = test.config.hooks
        let atOnce = [HookKind.prestart, .createRuntime, .createContainer].filter {
            !$0.hooks(of: hooks).isEmpty
        }
        let devices = test.config.linux?.netDevices ?? []
        let expected =
            (devices.isEmpty ? [] : [Plan.Action.moveNetDevices(devices)])
            + (atOnce.isEmpty ? [] : [.record]) + atOnce.map { .runHooks($0) }
        #expect(plan.actions(at: "hooks") ?? [] == expected)
        guard let position = plan.position(ofRendezvous: "hooks") else { return }
        let entry = try #require([PLAN_PIVOT, PLAN_MOVE_ROOT, PLAN_CHROOT].compactMap(plan.first).first)
        #expect(position < entry)
        for code in [PLAN_MOUNT_FS, PLAN_MOUNT_BIND, PLAN_DEVICE, PLAN_SYMLINK] {
            for mount in plan.positions(code) { #expect(mount < position) }
        }
    }

    /// Joined, cloned, placed; only then root in it, and only then a cgroup namespace, which is rooted where
    /// its maker is.
    @Test(arguments: cases)
    func namespaces(_ test: Case) throws {
        let plan = test.plan
        let namespaces = test.config.linux?.namespaces ?? []
        let joined = namespaces.filter { $0.path != nil }
        #expect(plan.positions(PLAN_SETNS).count == joined.count)
        #expect(plan.clonesItself == (!joined.isEmpty || test.config.hasNew(.user) || test.setsClocks))
        // Without privilege only the root of the new user namespace can set clocks, for children.
        let isTwofold =
            test.setsClocks && test.config.hasNew(.user) && !test.circumstances.facts.isPrivileged
        #expect(plan.positions(PLAN_CLONE).count == (isTwofold ? 2 : plan.clonesItself ? 1 : 0))
        // The root of a new user namespace, once it is root, makes the IPC namespace: message queues have an owner.
        let ownsQueues = test.config.hasNew(.user) && test.config.hasNew(.ipc)
        let fresh = namespaces.filter {
            $0.path == nil && $0.type != .cgroup && !(ownsQueues && $0.type == .ipc)
                && !(test.setsClocks && $0.type == .time)
        }
        .reduce(UInt64(0)) { $0 | $1.type.cloneFlag }
        if let clone = plan.first(PLAN_CLONE) {
            #expect(plan.birthFlags == 0)
            let made = plan.operations(PLAN_CLONE).reduce(0) { $0 | $1.numbers.0 }
            #expect(made == fresh)
            for join in plan.positions(PLAN_SETNS) { #expect(join < clone) }
            #expect(clone < (try #require(plan.calls(PLAN_CALL_setsid).first)))
        } else {
            #expect(plan.birthFlags == fresh)
        }
        let placed = plan.position(ofRendezvous: "placed") ?? plan.first(PLAN_CLONE) ?? 0
        let mapping = plan.actions(at: "placed")?.contains { if case .mapIDs = $0 { true } else { false } }
        #expect((mapping ?? false) == test.config.hasNew(.user))
        let roots = plan.calls(PLAN_CALL_setresuid) + plan.calls(PLAN_CALL_setresgid)
        #expect(roots.count == (test.config.namespace(.user) == nil ? 0 : 2))
        let unshared = test.unsharedByTheProcess
        #expect(unshared.count == (test.config.hasNew(.cgroup) ? 1 : 0) + (ownsQueues ? 1 : 0))
        let root = try #require(plan.first(PLAN_ROOTFS))
        for position in roots + unshared { #expect(placed < position && position < root) }
        for uid in plan.calls(PLAN_CALL_setresuid) {
            #expect(try #require(plan.calls(PLAN_CALL_setresgid).first) < uid, "the group first")
        }
        #expect(plan.has(PLAN_LOOPBACK) == test.config.hasNew(.network))
        #expect(plan.has(PLAN_KEYRING) != test.circumstances.options.noNewKeyring)
    }

    /// Which way into the cgroup: by clone3, or moved by the runtime before it goes on.
    @Test(arguments: cases)
    func cgroup(_ test: Case) {
        let plan = test.plan
        let facts = test.circumstances.facts
        let isMoved = plan.actions(at: "placed")?.contains(.joinCgroup) == true
        #expect(isMoved == (facts.cgroup != .none && !facts.clonesIntoCgroup))
        let isBornThere = plan.descriptors.map(\.source).contains(.cgroup)
        #expect(isBornThere == (facts.cgroup != .none && facts.clonesIntoCgroup))
        if let clone = plan.operations(PLAN_CLONE).last {
            #expect((clone.slots.0 >= 0) == isBornThere)
        }
        // Into those of cgroup v1 it goes itself: after its birth, before anything depends on it.
        let joins = plan.positions(PLAN_WRITE).filter { plan.text(plan.steps[$0].op.strings.0) == "tasks" }
        #expect(joins.count == facts.legacyCgroups.count)
        let opened = plan.descriptors.map(\.source).filter {
            if case .legacyCgroup = $0 { true } else { false }
        }
        #expect(opened.count == facts.legacyCgroups.count)
        for join in joins {
            #expect(plan.first(PLAN_CLONE) ?? -1 < join)
            #expect(test.unsharedByTheProcess.allSatisfy { join < $0 })
            #expect(plan.calls(PLAN_CALL_setresuid).allSatisfy { join < $0 })
        }
        let adjustment = test.config.process?.oomScoreAdj.map { Plan.Action.adjustOOMScore($0) }
        let all = plan.birthActions + plan.rendezvous.flatMap(\.actions)
        // A process that a user without privilege started is not the user's to look at: it does that itself.
        let isByStage = !facts.isPrivileged && plan.clonesItself
        let scores = plan.positions(PLAN_WRITE).filter {
            plan.text(plan.steps[$0].op.strings.0) == "thread-self/oom_score_adj"
        }
        #expect(scores.count == (isByStage && adjustment != nil ? 1 : 0))
        #expect(
            all.filter { if case .adjustOOMScore = $0 { true } else { false } }
                == (isByStage ? [] : [adjustment].compactMap { $0 }))
    }

    @Test(arguments: cases)
    func descriptors(_ test: Case) {
        let plan = test.plan
        #expect(plan.source(PLAN_SLOT_REPORT.rawValue) == .report)
        #expect(plan.source(PLAN_SLOT_SYNC.rawValue) == .sync)
        for step in plan.steps where step.op.slots.0 >= 0 {
            #expect(plan.source(step.op.slots.0) != nil, "\(step.doing)")
        }
        let fifos = plan.descriptors.map(\.source).filter { $0 == .fifo }
        #expect(fifos.count == (test.circumstances.options.wait == .fifo ? 1 : 0))
    }

    /// The same configuration makes the same plan.
    @Test(arguments: cases)
    func isPure(_ test: Case) throws {
        #expect(try test.circumstances.compile(test.config) == test.plan)
    }

    /// Every step says what it does and where that comes from; every step is in the listing.
    @Test(arguments: cases)
    func words(_ test: Case) {
        for step in test.plan.steps { #expect(!step.doing.isEmpty) }
        let lines = test.plan.listing.split(separator: "\n").filter { $0.prefix(3).last?.isNumber == true }
        #expect(lines.count == test.plan.steps.count)
        #expect(test.plan.json.hasPrefix("{"))
    }
}
