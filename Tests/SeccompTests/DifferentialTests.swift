import OCISpec
import Testing

@testable import Seccomp

/// Whole profiles against the reference and against what libseccomp makes of them alone.
@Suite struct DifferentialTests {
    static let sets: [[SeccompProfile.Architecture]] = [
        [], [.SCMP_ARCH_X86_64], [.SCMP_ARCH_X86_64, .SCMP_ARCH_X86, .SCMP_ARCH_X32],
        [.SCMP_ARCH_AARCH64, .SCMP_ARCH_ARM], UnknownCallTests.littleEndian,
    ]

    static let audits = Set(UnknownCallTests.littleEndian.map { CallingConvention($0)!.audit }).sorted()

    static let arguments: [[UInt64]] = [
        [0, 0, 0, 0, 0, 0], [16, 0x1_0000_0005, 9, 0, 0, 0], [1, 5, 9, 0, 0, 0], [16, 1, 8, 0, 0, 0],
        [0x20008, 0x2_0000_0004, 0, 0, 0, 0],
    ]

    /// Around every number of a name, and around the ends of the tables.
    static func calls(_ audit: UInt32) -> [Call] {
        var numbers: Set<UInt32> = []
        for architecture in UnknownCallTests.littleEndian {
            guard let convention = CallingConvention(architecture), convention.audit == audit else {
                continue
            }
            for name in everyName(on: architecture) {
                let number = UInt32(bitPattern: convention.number(of: name))
                numbers.formUnion([number &- 1, number, number + 1])
            }
        }
        for edge: UInt32 in [
            0, 512, 1000, 0x0f_0000, 0x3fff_ffff, 0x4000_1000, 0x7fff_ffff, 0xbfff_ffff, .max,
        ] {
            numbers.formUnion([edge &- 1, edge, edge &+ 1])
        }
        return numbers.sorted().flatMap { number in
            arguments.map { Call(architecture: audit, number: number, arguments: $0) }
        }
    }

    /// ENOSYS as the default leaves nothing to add to libseccomp's filter: the two must agree on all.
    @Test(arguments: sets)
    func agreesWithLibseccomp(_ architectures: [SeccompProfile.Architecture]) throws {
        let names = Set(architectures.flatMap { everyName(on: $0) })
        let confused = names.filter { !CallingConvention.native!.hasName($0) }
        let profile = everyday(errno: 38, on: architectures, without: confused)
        let filter = try SeccompFilter.of(profile)
        let tree = try libseccompAlone(profile, asTree: true)
        var differences: [String] = []
        for audit in Self.audits {
            for call in Self.calls(audit) {
                let ours = try filter.verdict(call)
                let theirs = try interpret(tree, call)
                if ours != theirs {
                    differences.append(
                        "\(call): \(String(ours, radix: 16)), not \(String(theirs, radix: 16))")
                }
            }
        }
        #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(5))")
    }

    /// The two ways of libseccomp agree with each other, so that the test above may use the faster.
    @Test func theTreeIsTheList() throws {
        let profile = everyday(errno: 38, on: Self.sets[2])
        let tree = try libseccompAlone(profile, asTree: true)
        let list = try libseccompAlone(profile, asTree: false)
        for architecture in profile.architectures {
            for call in Self.calls(CallingConvention(architecture)!.audit).filter({ $0.arguments[0] == 16 }) {
                #expect(try interpret(tree, call) == interpret(list, call), "\(call)")
            }
        }
    }

    @Test(arguments: sets)
    func agreesWithTheReference(_ architectures: [SeccompProfile.Architecture]) throws {
        // Without the newest calls of libseccomp's tables, so that there is something unknown.
        let profile = everyday(
            errno: nil, on: architectures,
            without: ["process_mrelease", "futex_waitv", "set_mempolicy_home_node", "landlock_add_rule"])
        let filter = try SeccompFilter.of(profile)
        let reference = Reference(profile: profile)
        for architecture in UnknownCallTests.littleEndian {
            let names = everyName(on: architecture)
            for name in names {
                // Decided by an argument of socketcall(2) or ipc(2), which the reference does not know.
                if architecture == .SCMP_ARCH_X86 && ["socketcall", "ipc"].contains(name) { continue }
                for arguments in Self.arguments {
                    let call = Call.named(name, arguments, on: architecture)
                    #expect(
                        try filter.verdict(call) == reference.verdict(call, on: architecture),
                        "\(name) on \(architecture): \(call)")
                }
            }
            #expect(names.count > 250)
        }
    }

    /// Small profiles at random, of everything that can be combined.
    @Test(arguments: 0..<60)
    func agreesOnRandomProfiles(_ seed: Int) throws {
        var random = Generator(state: UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1)
        let profile = randomProfile(&random)
        let filter = try SeccompFilter.of(profile)
        let reference = Reference(profile: profile)
        for architecture in UnknownCallTests.littleEndian {
            for name in everyName(on: architecture).shuffled(using: &random).prefix(60)
                + profile.syscalls.flatMap(\.names)
            {
                let number = CallingConvention(architecture)!.number(of: name)
                if number < 0 || ["socketcall", "ipc"].contains(name) { continue }
                let arguments = (0..<6).map { _ in ArgumentTests.values.randomElement(using: &random)! }
                let narrow: [SeccompProfile.Architecture] = [
                    .SCMP_ARCH_X86, .SCMP_ARCH_X32, .SCMP_ARCH_ARM, .SCMP_ARCH_MIPSEL, .SCMP_ARCH_MIPSEL64N32,
                ]
                let call = Call.named(
                    name, narrow.contains(architecture) ? arguments.map { $0 & 0xffff_ffff } : arguments,
                    on: architecture)
                #expect(
                    try filter.verdict(call) == reference.verdict(call, on: architecture),
                    "\(name) on \(architecture): \(call)")
            }
        }
    }

    private func randomProfile(_ random: inout Generator) -> SeccompProfile {
        let actions = ActionTests.actions
        func errno(_ action: SeccompProfile.Action, _ random: inout Generator) -> UInt32? {
            let takes = action == .SCMP_ACT_ERRNO || action == .SCMP_ACT_TRACE
            return takes && Bool.random(using: &random) ? .random(in: 0...4094, using: &random) : nil
        }
        var profile = SeccompProfile(defaultAction: actions.randomElement(using: &random)!)
        profile.defaultErrnoRet = errno(profile.defaultAction, &random)
        profile.architectures = UnknownCallTests.littleEndian.shuffled(using: &random).dropLast(
            .random(in: 0...10, using: &random))
        // Each name once: what libseccomp does with rules that overlap is its own affair.
        var names = everyName(on: native).filter { !$0.hasPrefix("sem") && !$0.hasPrefix("shm") }
            .filter { !$0.hasPrefix("msg") && CallingConvention(.SCMP_ARCH_X86)!.number(of: $0) >= -1 }
            .shuffled(using: &random)
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let action = actions.randomElement(using: &random)!
            var rule = SeccompProfile.Rule(names: [], action: action)
            rule.errnoRet = errno(action, &random)
            for _ in 0..<Int.random(in: 1...20, using: &random) { rule.names.append(names.removeLast()) }
            for _ in 0..<max(0, Int.random(in: -2...3, using: &random)) {
                let index = UInt32.random(in: 0...5, using: &random)
                // Alternatives that overlap confuse libseccomp 2.5 (64-bit comparisons by order).
                let alternative = rule.args.contains { $0.index == index }
                if alternative { for other in rule.args.indices { rule.args[other].op = .SCMP_CMP_EQ } }
                rule.args.append(
                    argument(
                        index,
                        alternative || Set(rule.args.map(\.index)).count < rule.args.count
                            ? .SCMP_CMP_EQ : SeccompProfile.Operator.allCases.randomElement(using: &random)!,
                        ArgumentTests.values.randomElement(using: &random)!,
                        ArgumentTests.values.randomElement(using: &random)!))
            }
            profile.syscalls.append(rule)
        }
        return profile
    }
}

/// xorshift64*, so that a failure can be repeated.
struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }
}
