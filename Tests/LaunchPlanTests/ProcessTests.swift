import CStage
import Diagnosis
import Glibc
import OCISpec
import Testing

@testable import LaunchPlan

@Suite struct ProcessTests {
    private func plan(
        options: (inout LaunchOptions) -> Void = { _ in }, _ change: (inout Process) -> Void
    ) throws -> Plan {
        var circumstances = Circumstances.ordinary
        options(&circumstances.options)
        return try compile(in: circumstances) { config in
            if var process = config.process {
                change(&process)
                config.process = process
            }
        }
    }

    /// What EXEC hands on.
    private func environment(_ plan: Plan) throws -> [String] {
        let op = try #require(plan.operations(PLAN_EXEC).first)
        return plan.texts(op.strings.1, Int(op.numbers.2))
    }

    // MARK: environment

    @Test(arguments: [
        (["A=1", "B=2", "HOME=/h"], ["A=1", "B=2", "HOME=/h"]),
        (["A=1", "B=2", "A=3", "HOME=/h"], ["B=2", "A=3", "HOME=/h"]),
        (["HOME=/a", "HOME=/b"], ["HOME=/b"]), (["A=", "HOME=/h"], ["A=", "HOME=/h"]),
        (["A=x=y", "A=z=", "HOME=/h"], ["A=z=", "HOME=/h"]),
        (["HOME=", "HOME=/b"], ["HOME=/b"]), (["AB=1", "A=2", "HOME=/h"], ["AB=1", "A=2", "HOME=/h"]),
        (["home=/x", "HOME=/h"], ["home=/x", "HOME=/h"]),
    ])
    func variables(_ written: [String], _ given: [String]) throws {
        let plan = try plan { $0.env = written }
        #expect(try environment(plan) == given)
        #expect(!plan.has(PLAN_HOME))
    }

    /// Where HOME is missing, or empty, the container's own passwd file says it; the last of several counts.
    @Test(arguments: [
        ([], []), (["A=1"], ["A=1"]), (["HOME="], []), (["HOME=/a", "B=2", "HOME="], ["B=2"]),
        (["HOMES=/a"], ["HOMES=/a"]),
    ])
    func home(_ written: [String], _ rest: [String]) throws {
        let plan = try plan {
            $0.env = written
            $0.user.uid = 1234
        }
        #expect(try environment(plan) == rest + ["HOME=/"])
        let op = try #require(plan.operations(PLAN_HOME).first)
        #expect(op.numbers.0 == 1234)
        #expect(plan.text(op.strings.0) == "/")
        // The room begins at the value and is the plan's own to the end.
        let exec = try #require(plan.operations(PLAN_EXEC).first)
        let end = op.strings.0 + op.length
        #expect(op.length >= 256 && Int(end) <= plan.arena.count)
        for start in [exec.strings.0, exec.strings.2] { #expect(start >= end || start < op.strings.0) }
        #expect(plan.arena[Int(op.strings.0 + 1)..<Int(end)].allSatisfy { $0 == 0 })
    }

    @Test func socketActivation() throws {
        let plan = try plan {
            $0.preservedDescriptors = 3
            $0.listenDescriptors = 2
        } _: {
            $0.env = ["LISTEN_FDS=9", "HOME=/h", "LISTEN_PID=77"]
        }
        #expect(try environment(plan) == ["HOME=/h", "LISTEN_FDS=2", "LISTEN_PID=1"])
        #expect(plan.operations(PLAN_EXEC).first?.numbers.0 == 6)
        let without = try self.plan { $0.env = ["HOME=/h"] }
        #expect(try environment(without) == ["HOME=/h"])
        #expect(without.operations(PLAN_EXEC).first?.numbers.0 == 3)
    }

    // MARK: the executable

    @Test(arguments: [
        ("sh", ["PATH=/usr/bin:/bin"], ["/usr/bin/sh", "/bin/sh"]),
        ("sh", ["PATH=/a::/b:"], ["/a/sh", "./sh", "/b/sh", "./sh"]), ("sh", ["PATH=:"], ["./sh", "./sh"]),
        ("sh", ["PATH=rel"], ["rel/sh"]), ("sh", ["PATH=/a", "PATH=/b"], ["/b/sh"]),
        ("sh", ["XPATH=/a", "PATH=/b"], ["/b/sh"]), ("/bin/sh", ["PATH=/a"], ["/bin/sh"]),
        ("./sh", ["PATH=/a"], ["./sh"]), ("a/sh", [], ["a/sh"]), ("/", [], ["/"]),
        // Nothing is to be found, and the stage is to say so.
        ("sh", [], [""]), ("sh", ["PATH="], [""]),
    ])
    func candidates(_ name: String, _ variables: [String], _ paths: [String]) throws {
        let plan = try plan {
            $0.args = [name, "x"]
            $0.env = variables
        }
        let op = try #require(plan.operations(PLAN_LOOKUP).first)
        #expect(plan.texts(op.strings.0, Int(op.length)) == paths)
        #expect(verdict(on: try plan.testImage()) == nil)
        #expect(plan.steps[plan.first(PLAN_LOOKUP) ?? 0].doing == "exec: \"\(name)\"")
    }

    @Test func arguments() throws {
        let arguments = ["/bin/x", "", "a b", "ü\n", "-c"]
        let plan = try plan { $0.args = arguments }
        let op = try #require(plan.operations(PLAN_EXEC).first)
        #expect(plan.texts(op.strings.0, Int(op.numbers.1)) == arguments)
        #expect(op.strings.2 % 8 == 0)
        let pointers = Int(op.numbers.1 + op.numbers.2 + 2) * 8
        #expect(Int(op.strings.2) + pointers <= plan.arena.count)
    }

    // MARK: identity

    @Test func user() throws {
        let plan = try plan {
            $0.user.uid = 1000
            $0.user.gid = 1001
            $0.user.umask = 0o77
            $0.user.additionalGids = [5, 70_000, 1001]
        }
        let op = try #require(plan.operations(PLAN_IDENTITY).first)
        #expect(op.numbers.0 == 1000 && op.numbers.1 == 1001)
        #expect(op.length == 3 && op.strings.0 % 4 == 0)
        let groups = plan.arena[Int(op.strings.0)...].prefix(12)
        #expect(Array(groups) == [5, 0, 0, 0, 0x70, 0x11, 1, 0, 0xe9, 3, 0, 0])
        #expect(plan.operations(PLAN_STDIO).first?.numbers.0 == 1000)
        let umask = try #require(plan.calls(PLAN_CALL_umask).first)
        #expect(plan.steps[umask].op.numbers.1 == 0o77)
        let usual = try self.plan { _ in }
        #expect(usual.steps[try #require(usual.calls(PLAN_CALL_umask).first)].op.numbers.1 == 0o22)
        // No groups at all are a list too: those of the runtime must not stay.
        #expect(usual.operations(PLAN_IDENTITY).first?.length == 0)
        #expect(usual.operations(PLAN_IDENTITY).first?.flags == 0)
    }

    @Test func capabilities() throws {
        let plan = try plan {
            var sets = CapabilitySets()
            sets.bounding = ["CAP_CHOWN", "CAP_NET_RAW"]
            sets.effective = ["CAP_NET_RAW"]
            sets.permitted = ["CAP_NET_RAW", "CAP_CHOWN"]
            sets.inheritable = ["CAP_CHOWN"]
            sets.ambient = []
            $0.capabilities = sets
        }
        let caps = try #require(plan.operations(PLAN_CAPS).first)
        #expect(caps.numbers == (1 << 13, 1 | 1 << 13, 1, 0))
        #expect(plan.operations(PLAN_BOUND).first?.numbers.0 == 1 | 1 << 13)
        #expect(plan.warnings.isEmpty)
        let none = try self.plan { _ in }
        #expect(try #require(none.operations(PLAN_CAPS).first).numbers == (0, 0, 0, 0))
        #expect(none.operations(PLAN_BOUND).first?.numbers.0 == 0)
    }

    /// config.md: a name that means nothing is a warning, not an error; and so is what cannot be given.
    @Test func capabilityWarnings() throws {
        var circumstances = Circumstances.ordinary
        circumstances.facts.ownCapabilities = ~(1 << 13)
        func change(_ config: inout Config) {
            var sets = CapabilitySets()
            sets.bounding = ["CAP_NET_RAW", "CAP_CHOWN", "CAP_CHOWN", "CAP_NO_SUCH"]
            sets.ambient = ["chown", "CAP_CHOWN", "CAP_KILL"]
            config.process?.capabilities = sets
        }
        let plan = try compile(in: circumstances, change)
        #expect(plan.operations(PLAN_BOUND).first?.numbers.0 == 1)
        #expect(
            plan.warnings == [
                "/process/capabilities/bounding: unknown capability \"CAP_NO_SUCH\"",
                "/process/capabilities/bounding: CAP_NET_RAW cannot be given: not among the runtime's own",
                "/process/capabilities/ambient: unknown capability \"chown\"",
                "/process/capabilities/ambient: CAP_CHOWN, CAP_KILL cannot be given: not both permitted and inheritable",
            ])
        #expect(try #require(plan.operations(PLAN_CAPS).first).numbers.3 == 0)
        #expect(plan.listing.contains("warning: /process/capabilities/ambient: unknown"))
        // In a user namespace of its own a process has them all, whatever the runtime has.
        let inside = try compile(in: circumstances) {
            change(&$0)
            $0.linux?.namespaces.append(Namespace(type: .user))
        }
        #expect(inside.operations(PLAN_BOUND).first?.numbers.0 == 1 | 1 << 13)
        #expect(inside.warnings.count == 3)
    }

    @Test func priorities() throws {
        let plan = try plan {
            $0.ioPriority = IOPriority(class: .IOPRIO_CLASS_RT, priority: 7)
            $0.oomScoreAdj = -1000
            $0.rlimits = [RLimit(type: .RLIMIT_CORE, soft: 0, hard: .max)]
        }
        #expect(plan.birthActions == [.adjustOOMScore(-1000)])
        #expect(
            plan.actions(at: "ready")
                == [
                    .setIOPriority(
                        IOPriority(class: .IOPRIO_CLASS_RT, priority: 7), at: "/process/ioPriority"),
                    .record,
                ])
        let limit = try #require(plan.operations(PLAN_LIMIT).first)
        #expect(limit.numbers == (UInt64(RLIMIT_CORE.rawValue), 0, .max, 0))
        // Nothing to wait for: it only tells how far it has come.
        let simple = try self.plan { _ in }
        #expect(
            simple.rendezvous.first == Plan.Rendezvous(name: "ready", actions: [.record], isPassing: true))
        #expect(simple.rendezvous.dropFirst().allSatisfy { !$0.isPassing })
    }

    /// The kernel's refusals come when the process is placed, limited, and may run anywhere.
    @Test func scheduler() throws {
        var wanted = Scheduler(policy: .SCHED_DEADLINE)
        wanted.runtime = 1_000_000
        let plan = try plan {
            $0.scheduler = wanted
            $0.rlimits = [RLimit(type: .RLIMIT_NICE, soft: 0, hard: 0)]
        }
        let actions = try #require(plan.actions(at: "ready"))
        #expect(actions.dropLast().last == .setScheduler(wanted, at: "/process/scheduler"))
        #expect(actions.count == 2 && actions.last == .record)
        #expect(try #require(plan.first(PLAN_LIMIT)) < #require(plan.position(ofRendezvous: "ready")))
        let placed = try compile(
            in: Circumstances("an old kernel") { facts, _ in facts.clonesIntoCgroup = false }
        ) {
            $0.process?.scheduler = wanted
        }
        #expect(
            try #require(placed.position(ofRendezvous: "placed"))
                < #require(placed.position(ofRendezvous: "ready")))
    }

    /// The socket's directory lies over what is configured, and its name over what the process would have.
    @Test func notifySocket() throws {
        var circumstances = Circumstances.ordinary
        circumstances.options.passesNotifySocket = true
        let plan = try compile(in: circumstances) {
            var run = Mount(destination: "/run/notify")
            run.type = "tmpfs"
            $0.mounts = [run]
            $0.process?.env = ["NOTIFY_SOCKET=/x", "A=b"]
        }
        let bind = try #require(plan.first(PLAN_MOUNT_BIND))
        #expect(plan.text(plan.steps[bind].op.strings.0) == "/run/notify")
        #expect(plan.source(plan.steps[bind].op.slots.0) == .notifyDirectory)
        #expect(try #require(plan.first(PLAN_MOUNT_FS)) < bind)
        let exec = try #require(plan.operations(PLAN_EXEC).first)
        #expect(
            plan.texts(exec.strings.1, Int(exec.numbers.2)).dropLast()
                == ["A=b", "NOTIFY_SOCKET=/run/notify/notify.sock"])
        #expect(!(try self.plan { _ in }).descriptors.map(\.source).contains(.notifyDirectory))
    }

    @Test func memoryPolicy() throws {
        var policy = MemoryPolicy(mode: .MPOL_BIND)
        policy.nodes = "0-1,3,64"
        policy.flags = [.MPOL_F_STATIC_NODES]
        let plan = try compile {
            $0.linux?.memoryPolicy = policy
            $0.linux?.seccomp = SeccompProfile(defaultAction: .SCMP_ACT_ALLOW)
        }
        let op = try #require(plan.operations(PLAN_MEMORY_POLICY).first)
        #expect(op.numbers.0 == 0x8002 && op.length == 2 && op.strings.0 % 8 == 0)
        let start = Int(op.strings.0)
        #expect(Array(plan.arena[start..<start + 16]) == [0xb, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
        #expect(try #require(plan.first(PLAN_MEMORY_POLICY)) < #require(plan.first(PLAN_SECCOMP)))
        let local = try compile { $0.linux?.memoryPolicy = MemoryPolicy(mode: .MPOL_LOCAL) }
        let without = try #require(local.operations(PLAN_MEMORY_POLICY).first)
        #expect(without.numbers.0 == 4 && without.length == 0 && without.strings.0 == 0)
    }

    @Test func personality() throws {
        for (domain, value) in [(.LINUX, 0), (.LINUX32, 8)]
            as [(Personality.Domain, UInt64)]
        {
            let plan = try compile { $0.linux?.personality = Personality(domain: domain) }
            let call = plan.steps[try #require(plan.calls(PLAN_CALL_personality).first)].op
            #expect(call.numbers.1 == value)
        }
        #expect(try compile { _ in }.calls(PLAN_CALL_personality).isEmpty)
    }

    @Test func keyring() throws {
        let plan = try plan { _ in }
        let op = try #require(plan.operations(PLAN_KEYRING).first)
        #expect(plan.text(op.strings.0) == "_ses.c1")
        #expect(op.tolerated == [38, 1], "ENOSYS and EPERM")
    }

    @Test func sysctls() throws {
        let plan = try compile {
            $0.linux?.sysctl = [
                Sysctl(name: "net.ipv4.ip_forward", value: "1"), Sysctl(name: "net/ipv4/x.y", value: ""),
                Sysctl(name: "net.ipv4.conf.eth0/100.forwarding", value: "a b"),
            ]
        }
        let writes = plan.operations(PLAN_WRITE)
        #expect(
            writes.map { plan.text($0.strings.0) } == [
                "sys/net/ipv4/ip_forward", "sys/net/ipv4/x.y", "sys/net/ipv4/conf/eth0.100/forwarding",
            ])
        #expect(writes.map { plan.text($0.strings.1) } == ["1", "", "a b"])
        #expect(writes.allSatisfy { $0.slots.0 == Int32(PLAN_SLOT_PROC.rawValue) })
    }

    @Test func names() throws {
        let plan = try compile {
            $0.hostname = "h"
            $0.domainname = ""
            $0.linux?.namespaces.append(Namespace(type: .uts))
        }
        let ops = plan.operations(PLAN_HOSTNAME)
        #expect(ops.map { plan.text($0.strings.0) } == ["h", ""])
        #expect(ops.map(\.flags) == [0, UInt32(PLAN_HOSTNAME_DOMAIN)])
        #expect(verdict(on: try plan.testImage()) == nil)
    }
}

/// Annotations of crun's that change the plan.
@Suite struct AnnotatedPlanTests {
    @Test func groupsAreKept() throws {
        let plan = try compile {
            $0.process?.user.additionalGids = [7, 8]
            $0.annotations["run.oci.keep_original_groups"] = "1"
        }
        let identity = try #require(plan.operations(PLAN_IDENTITY).first)
        #expect(identity.flags == UInt32(PLAN_IDENTITY_KEEP_GROUPS))
        #expect(identity.length == 0 && identity.strings.0 == 0)
        #expect(verdict(on: try plan.testImage()) == nil)
    }

    @Test(arguments: [nil, "fscontext", "defcontext", "rootcontext"])
    func mountLabel(_ type: String?) throws {
        let plan = try compile {
            var mount = Mount(destination: "/run")
            mount.type = "tmpfs"
            $0.mounts = [mount]
            $0.linux?.mountLabel = "u:r:t:s0"
            $0.annotations["run.oci.mount_context_type"] = type
        }
        let key = type ?? "context"
        let options = plan.operations(PLAN_MOUNT_FS).map {
            let start = Int($0.strings.3)
            return String(decoding: plan.arena[start..<(start + Int($0.length))], as: UTF8.self)
        }
        #expect(options.contains("s\(key)\0u:r:t:s0\0"))
    }

    /// It has no option for it.
    @Test func mountLabelOfMessageQueues() throws {
        let plan = try compile {
            var mount = Mount(destination: "/dev/mqueue")
            mount.type = "mqueue"
            $0.mounts = [mount]
            $0.linux?.mountLabel = "u:r:t:s0"
        }
        let label = try #require(plan.first(PLAN_LABEL))
        #expect(try #require(plan.first(PLAN_MOUNT_FS)) == label - 1)
        let strings = plan.steps[label].op.strings
        #expect(plan.text(strings.0) == "/dev/mqueue" && plan.text(strings.1) == "u:r:t:s0")
        #expect(plan.operations(PLAN_MOUNT_FS).allSatisfy { $0.length == 0 })
    }

    /// Eight bytes of a filter that allows everything.
    @Test func readyFilter() throws {
        let plan = try compile {
            $0.annotations["run.oci.seccomp_bpf_data"] = "BgAAAAAA/38="
            $0.process?.noNewPrivileges = true
        }
        let filter = try #require(plan.operations(PLAN_SECCOMP).first)
        #expect(filter.length == 1)
        let start = Int(filter.strings.0)
        #expect(Array(plan.arena[start..<(start + 8)]) == [6, 0, 0, 0, 0, 0, 0xff, 0x7f])
    }
}
