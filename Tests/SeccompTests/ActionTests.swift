import OCISpec
import Testing

@testable import Seccomp

@Suite struct ActionTests {
    static let actions = SeccompProfile.Action.allCases

    @Test(arguments: actions)
    func aRuleAnswersWithItsAction(_ action: SeccompProfile.Action) throws {
        let other: SeccompProfile.Action = action == .SCMP_ACT_ALLOW ? .SCMP_ACT_TRAP : .SCMP_ACT_ALLOW
        let filter = try SeccompFilter.of(
            profile(other, rule(action, ["mkdirat"]), rule(.SCMP_ACT_ALLOW, ["futex_requeue"])))
        #expect(try filter.verdict("mkdirat", on: native) == Reference.returned(action, nil))
        #expect(try filter.verdict("openat", on: native) == Reference.returned(other, nil))
    }

    @Test(arguments: actions)
    func theDefaultAnswersForTheRest(_ action: SeccompProfile.Action) throws {
        let other: SeccompProfile.Action = action == .SCMP_ACT_ALLOW ? .SCMP_ACT_TRAP : .SCMP_ACT_ALLOW
        let filter = try SeccompFilter.of(profile(action, rule(other, ["futex_requeue"])))
        #expect(try filter.verdict("openat", on: native) == Reference.returned(action, nil))
        #expect(try filter.verdict("futex_requeue", on: native) == Reference.returned(other, nil))
    }

    @Test func errnoValuesAreReturned() throws {
        let filter = try SeccompFilter.of(
            profile(
                .SCMP_ACT_ERRNO, errno: 100, rule(.SCMP_ACT_ERRNO, ["mkdirat"], errno: 0),
                rule(.SCMP_ACT_ERRNO, ["openat"], errno: 4094),
                rule(.SCMP_ACT_TRACE, ["read"], errno: 0xffff),
                rule(.SCMP_ACT_TRACE, ["write"]), rule(.SCMP_ACT_ERRNO, ["close"])))
        #expect(try filter.verdict("mkdirat", on: native) == 0x0005_0000)
        #expect(try filter.verdict("openat", on: native) == 0x0005_0ffe)
        #expect(try filter.verdict("read", on: native) == 0x7ff0_ffff)
        #expect(try filter.verdict("write", on: native) == 0x7ff0_0001)
        #expect(try filter.verdict("close", on: native) == Answer.notPermitted)
        #expect(try filter.verdict("getpid", on: native) == Answer.error(100))
    }

    @Test func unknownNamesAreSkipped() throws {
        let filter = try SeccompFilter.of(
            profile(.SCMP_ACT_ERRNO, rule(.SCMP_ACT_ALLOW, ["no_such_call", "openat"])))
        #expect(try filter.verdict("openat", on: native) == Answer.allow)
        #expect(try filter.verdict("read", on: native) == Answer.notPermitted)
    }

    @Test func rulesThatSayTheDefaultChangeNothing() throws {
        let filter = try SeccompFilter.of(
            profile(
                .SCMP_ACT_ERRNO, errno: 1, rule(.SCMP_ACT_ERRNO, ["openat"]),
                rule(.SCMP_ACT_ALLOW, ["openat", "futex"])))
        #expect(try filter.verdict("openat", on: native) == Answer.allow)
        #expect(try filter.verdict("read", on: native) == Answer.notPermitted)
    }

    @Test func theSameActionWithAnotherNumberIsAnotherAction() throws {
        let filter = try SeccompFilter.of(
            profile(.SCMP_ACT_ERRNO, rule(.SCMP_ACT_ERRNO, ["openat"], errno: 2)))
        #expect(try filter.verdict("openat", on: native) == Answer.error(2))
        #expect(try filter.verdict("open", on: native) == Answer.notPermitted)
    }

    @Test func anEmptyProfileIsItsDefault() throws {
        for action in Self.actions {
            let filter = try SeccompFilter.of(profile(action))
            // -1 is a tracer's way of cancelling a call, not a call of x32.
            for number: UInt32 in [0, 1, 400, 5000, .max] {
                let call = Call(architecture: CallingConvention.native!.audit, number: number)
                #expect(try filter.verdict(call) == Reference.returned(action, nil))
            }
        }
    }
}

@Suite struct PrecedenceTests {
    @Test func aRuleWithoutConditionsBeatsThoseWith() throws {
        let conditional = rule(.SCMP_ACT_ERRNO, ["personality"], [argument(0, .SCMP_CMP_EQ, 8)])
        let plain = rule(.SCMP_ACT_ALLOW, ["personality"])
        for rules in [[conditional, plain], [plain, conditional]] {
            var profile = profile(.SCMP_ACT_TRAP, on: [.SCMP_ARCH_X86])
            profile.syscalls = rules
            let filter = try SeccompFilter.of(profile)
            #expect(try filter.verdict("personality", [8], on: native) == Answer.allow)
            #expect(try filter.verdict("personality", [9], on: native) == Answer.allow)
            for asTree in [false, true] {
                let alone = try libseccompAlone(profile, asTree: asTree)
                #expect(try interpret(alone, .named("personality", [8], on: native)) == Answer.allow)
            }
        }
    }

    @Test func theFirstOfTwoRulesWithoutConditionsWins() throws {
        let both = profile(
            .SCMP_ACT_TRAP, rule(.SCMP_ACT_ERRNO, ["mount"]), rule(.SCMP_ACT_ALLOW, ["mount"]))
        #expect(try SeccompFilter.of(both).verdict("mount", on: native) == Answer.notPermitted)
        let alone = try libseccompAlone(both, asTree: false)
        #expect(try interpret(alone, .named("mount", on: native)) == Answer.notPermitted)
    }

    @Test func aRuleThatSaysTheDefaultDoesNotCount() throws {
        let filter = try SeccompFilter.of(
            profile(.SCMP_ACT_ERRNO, rule(.SCMP_ACT_ERRNO, ["mount"]), rule(.SCMP_ACT_ALLOW, ["mount"])))
        #expect(try filter.verdict("mount", on: native) == Answer.allow)
    }
}
