import OCISpec

@testable import Seccomp

let native = CallingConvention.native!.architecture

/// The return values a test can name.
enum Answer {
    static let allow = Reference.returned(.SCMP_ACT_ALLOW, nil)
    static let killThread = Reference.returned(.SCMP_ACT_KILL_THREAD, nil)
    static func error(_ number: UInt32) -> UInt32 { Reference.returned(.SCMP_ACT_ERRNO, number) }
    static let notPermitted = error(1)
    static let notImplemented = Reference.notImplemented
}

func rule(
    _ action: SeccompProfile.Action, _ names: [String], errno: UInt32? = nil,
    _ arguments: [SeccompProfile.Argument] = []
) -> SeccompProfile.Rule {
    var rule = SeccompProfile.Rule(names: names, action: action)
    rule.errnoRet = errno
    rule.args = arguments
    return rule
}

func profile(
    _ action: SeccompProfile.Action, errno: UInt32? = nil,
    on architectures: [SeccompProfile.Architecture] = [],
    _ rules: SeccompProfile.Rule...
) -> SeccompProfile {
    var profile = SeccompProfile(defaultAction: action)
    profile.defaultErrnoRet = errno
    profile.architectures = architectures
    profile.syscalls = rules
    return profile
}

func argument(
    _ index: UInt32, _ op: SeccompProfile.Operator, _ value: UInt64, _ valueTwo: UInt64 = 0
) -> SeccompProfile.Argument {
    SeccompProfile.Argument(index: index, value: value, valueTwo: valueTwo, op: op)
}

extension SeccompFilter {
    static func of(_ profile: SeccompProfile) throws -> SeccompFilter {
        try compile(profile, at: "/linux/seccomp", host: .complete)
    }
}

/// A profile of the size and shape that container engines bring along: most calls are allowed, a few
/// dozen are not, and a handful depend on their arguments.
func everyday(
    errno: UInt32?, on architectures: [SeccompProfile.Architecture], without withheld: Set<String> = []
) -> SeccompProfile {
    let conditional: Set<String> = ["personality", "clone", "socket", "prlimit64"]
    let refused: Set<String> = ["bpf", "perf_event_open", "quotactl", "open_by_handle_at", "vhangup"]
    let absent: Set<String> = [
        "mount", "umount2", "setns", "unshare", "reboot", "swapon", "swapoff", "kexec_load", "init_module",
        "delete_module", "finit_module", "nfsservctl", "ptrace", "add_key", "keyctl", "request_key", "acct",
        "lookup_dcookie", "move_pages", "mbind", "settimeofday", "pivot_root", "chroot", "iopl", "ioperm",
        "vm86", "vm86old", "userfaultfd", "kcmp", "sysfs", "_sysctl", "uselib", "ustat", "shmat",
        "socketpair",
    ]
    let named = Set(([native] + architectures).flatMap { everyName(on: $0) })
    let allowed = named.subtracting(conditional).subtracting(refused).subtracting(absent)
        .subtracting(withheld)
    var profile = profile(
        .SCMP_ACT_ERRNO, errno: errno, on: architectures,
        rule(.SCMP_ACT_ERRNO, refused.sorted(), errno: 13),
        rule(.SCMP_ACT_ALLOW, allowed.sorted() + ["a_call_nobody_has"]),
        rule(.SCMP_ACT_ALLOW, ["clone"], [argument(0, .SCMP_CMP_MASKED_EQ, 0x7e02_0000, 0)]),
        rule(
            .SCMP_ACT_ERRNO, ["socket"], errno: 22,
            [argument(0, .SCMP_CMP_EQ, 16), argument(2, .SCMP_CMP_EQ, 9)]),
        rule(.SCMP_ACT_ALLOW, ["socket"], [argument(2, .SCMP_CMP_NE, 9)]),
        rule(.SCMP_ACT_ALLOW, ["socket"], [argument(0, .SCMP_CMP_NE, 16)]),
        rule(.SCMP_ACT_TRACE, ["prlimit64"], errno: 77, [argument(1, .SCMP_CMP_GE, 0x1_0000_0005)]))
    for persona: UInt64 in [0, 8, 0x20000, 0x20008, 0xffff_ffff] {
        profile.syscalls.append(rule(.SCMP_ACT_ALLOW, ["personality"], [argument(0, .SCMP_CMP_EQ, persona)]))
    }
    return profile
}
