import OCISpec

@testable import Seccomp

/// A profile evaluated in the obvious way.
struct Reference {
    let profile: SeccompProfile
    private var tables: [SeccompProfile.Architecture: Table] = [:]

    /// The rules by number, and the newest number, of one calling convention.
    private struct Table {
        var rules: [UInt32: [SeccompProfile.Rule]] = [:]
        var newest: UInt32?
    }

    init(profile: SeccompProfile) {
        self.profile = profile
        let otherwise = Self.returned(profile.defaultAction, profile.defaultErrnoRet)
        for architecture in profile.architectures + [native] {
            let convention = CallingConvention(architecture)!
            var table = Table()
            for rule in profile.syscalls {
                for name in rule.names {
                    guard let number = UInt32(exactly: convention.number(of: name)) else { continue }
                    let counts = number > 0 && (architecture != .SCMP_ARCH_ARM || number < 0x0f_0000)
                    if counts { table.newest = max(table.newest ?? 0, number) }
                    if Self.returned(rule.action, rule.errnoRet) == otherwise { continue }
                    table.rules[number, default: []].append(rule)
                }
            }
            tables[architecture] = table
        }
    }

    static let killThread: UInt32 = 0
    static let notImplemented: UInt32 = 0x0005_0026

    static func returned(_ action: SeccompProfile.Action, _ errnoRet: UInt32?) -> UInt32 {
        let data = errnoRet ?? 1
        switch action {
        case .SCMP_ACT_KILL, .SCMP_ACT_KILL_THREAD: return 0
        case .SCMP_ACT_KILL_PROCESS: return 0x8000_0000
        case .SCMP_ACT_TRAP: return 0x0003_0000
        case .SCMP_ACT_ERRNO: return 0x0005_0000 | data
        case .SCMP_ACT_TRACE: return 0x7ff0_0000 | data
        case .SCMP_ACT_ALLOW: return 0x7fff_0000
        case .SCMP_ACT_LOG: return 0x7ffc_0000
        case .SCMP_ACT_NOTIFY: return 0x7fc0_0000
        }
    }

    private static func holds(_ argument: SeccompProfile.Argument, _ call: Call, bits: Int) -> Bool {
        let mask: UInt64 = bits == 64 ? .max : 0xffff_ffff
        let actual = call.arguments[Int(argument.index)] & mask
        let value = argument.value & mask
        switch argument.op {
        case .SCMP_CMP_NE: return actual != value
        case .SCMP_CMP_LT: return actual < value
        case .SCMP_CMP_LE: return actual <= value
        case .SCMP_CMP_EQ: return actual == value
        case .SCMP_CMP_GE: return actual >= value
        case .SCMP_CMP_GT: return actual > value
        case .SCMP_CMP_MASKED_EQ: return actual & value == argument.valueTwo & mask & value
        }
    }

    private static let narrow: Set<SeccompProfile.Architecture> = [
        .SCMP_ARCH_X86, .SCMP_ARCH_X32, .SCMP_ARCH_ARM, .SCMP_ARCH_MIPSEL, .SCMP_ARCH_MIPSEL64N32,
    ]

    /// For calls whose arguments no two rules of different actions decide.
    func verdict(_ call: Call, on architecture: SeccompProfile.Architecture) -> UInt32 {
        guard let table = tables[architecture] else { return Self.killThread }
        let otherwise = Self.returned(profile.defaultAction, profile.defaultErrnoRet)
        let permissive: [SeccompProfile.Action] = [.SCMP_ACT_ALLOW, .SCMP_ACT_LOG, .SCMP_ACT_TRACE]
        if !permissive.contains(profile.defaultAction), let newest = table.newest, call.number > newest {
            let own = architecture == .SCMP_ARCH_ARM && call.number >= 0x0f_0000
            if !own { return Self.notImplemented }
        }
        let rules = table.rules[call.number] ?? []
        if let plain = rules.first(where: \.args.isEmpty) {
            return Self.returned(plain.action, plain.errnoRet)
        }
        let bits = Self.narrow.contains(architecture) ? 32 : 64
        for rule in rules {
            let tests = rule.args.map { Self.holds($0, call, bits: bits) }
            let repeats = Set(rule.args.map(\.index)).count < rule.args.count
            if repeats ? tests.contains(true) : !tests.contains(false) {
                return Self.returned(rule.action, rule.errnoRet)
            }
        }
        return otherwise
    }
}

/// The filter that libseccomp makes of a profile on its own, in the way of runc without its stub.
func libseccompAlone(_ profile: SeccompProfile, asTree: Bool) throws -> [UInt8] {
    func verdict(_ action: SeccompProfile.Action, _ errnoRet: UInt32?) -> Verdict {
        Verdict(rawValue: Reference.returned(action, errnoRet))
    }
    let otherwise = verdict(profile.defaultAction, profile.defaultErrnoRet)
    let native = CallingConvention.native!
    var conventions = [native]
    for architecture in profile.architectures where architecture != native.architecture {
        conventions.append(CallingConvention(architecture)!)
    }
    var program = try LibseccompProgram(default: otherwise, for: conventions)
    for rule in profile.syscalls where verdict(rule.action, rule.errnoRet) != otherwise {
        let repeats = Set(rule.args.map(\.index)).count < rule.args.count
        for name in rule.names where native.number(of: name) != -1 {
            for conditions in repeats ? rule.args.map({ [$0] }) : [rule.args] {
                try program.add(
                    verdict(rule.action, rule.errnoRet), number: native.number(of: name),
                    where: conditions, at: "")
            }
        }
    }
    return try program.export(asTree: asTree)
}

/// Every name that libseccomp knows on the native architecture, found by asking for each number.
func everyName(on architecture: SeccompProfile.Architecture) -> [String] {
    allNames[architecture] ?? []
}

private let allNames: [SeccompProfile.Architecture: [String]] = {
    var names: [SeccompProfile.Architecture: [String]] = [:]
    for architecture in SeccompFilter.architectures {
        names[architecture] = CallingConvention(architecture)!.everyName
    }
    return names
}()
