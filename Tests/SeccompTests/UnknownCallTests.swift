import OCISpec
import Testing

@testable import Seccomp

/// Calls newer than the newest that the profile speaks of.
@Suite struct UnknownCallTests {
    static let littleEndian: [SeccompProfile.Architecture] = [
        .SCMP_ARCH_X86, .SCMP_ARCH_X86_64, .SCMP_ARCH_X32, .SCMP_ARCH_ARM, .SCMP_ARCH_AARCH64,
        .SCMP_ARCH_MIPSEL, .SCMP_ARCH_MIPSEL64, .SCMP_ARCH_MIPSEL64N32, .SCMP_ARCH_PPC64LE,
        .SCMP_ARCH_RISCV64,
    ]

    @Test(arguments: littleEndian)
    func theyAreNotImplemented(_ architecture: SeccompProfile.Architecture) throws {
        let convention = CallingConvention(architecture)!
        for action: SeccompProfile.Action in [
            .SCMP_ACT_ERRNO, .SCMP_ACT_KILL, .SCMP_ACT_KILL_PROCESS, .SCMP_ACT_TRAP,
        ] {
            let filter = try SeccompFilter.of(
                profile(action, on: [architecture], rule(.SCMP_ACT_ALLOW, ["openat2", "renameat2"])))
            let newest = UInt32(convention.number(of: "openat2"))
            func answer(_ number: UInt32) throws -> UInt32 {
                try filter.verdict(Call(architecture: convention.audit, number: number))
            }
            #expect(try answer(newest) == Answer.allow)
            #expect(try answer(newest - 1) == Reference.returned(action, nil))
            #expect(try answer(newest + 1) == Answer.notImplemented)
            #expect(try answer(newest + 1000) == Answer.notImplemented)
            let number = UInt32(bitPattern: convention.number(of: "copy_file_range"))
            #expect(try answer(number) == Reference.returned(action, nil))
        }
    }

    @Test(arguments: [
        SeccompProfile.Action.SCMP_ACT_ALLOW, .SCMP_ACT_LOG, .SCMP_ACT_TRACE,
    ])
    func aPermissiveDefaultPermitsThem(_ action: SeccompProfile.Action) throws {
        let filter = try SeccompFilter.of(profile(action, rule(.SCMP_ACT_TRAP, ["openat2"])))
        let call = Call(architecture: CallingConvention.native!.audit, number: 2000)
        #expect(try filter.verdict(call) == Reference.returned(action, nil))
    }

    /// A profile that refuses the newest calls by name knows them.
    @Test func refusedNamesAreKnown() throws {
        let filter = try SeccompFilter.of(
            profile(
                .SCMP_ACT_ERRNO, rule(.SCMP_ACT_ALLOW, ["openat"]),
                rule(.SCMP_ACT_ERRNO, ["futex_waitv", "a_call_nobody_has"])))
        #expect(try filter.verdict("openat2", on: native) == Answer.notPermitted)
        #expect(try filter.verdict("futex_waitv", on: native) == Answer.notPermitted)
        #expect(
            try filter.verdict(
                .init(
                    architecture: CallingConvention.native!.audit, number: 2000)) == Answer.notImplemented)
    }

    @Test func aProfileWithoutNamesKnowsNothing() throws {
        let filter = try SeccompFilter.of(profile(.SCMP_ACT_ERRNO, rule(.SCMP_ACT_ALLOW, ["no_such_call"])))
        let call = Call(architecture: CallingConvention.native!.audit, number: 2000)
        #expect(try filter.verdict(call) == Answer.notPermitted)
    }

    /// The newest is counted for each table apart: x32 has calls that x86_64 has not.
    @Test func x32NumbersAreApart() throws {
        let x64 = CallingConvention(.SCMP_ARCH_X86_64)!
        let bit: UInt32 = 0x4000_0000
        let rules = rule(.SCMP_ACT_ALLOW, ["openat", "execveat"])
        let newest64 = UInt32(x64.number(of: "execveat"))
        let newest32 = UInt32(CallingConvention(.SCMP_ARCH_X32)!.number(of: "execveat"))
        #expect(newest32 & ~bit > newest64)

        let both = try SeccompFilter.of(
            profile(.SCMP_ACT_ERRNO, on: [.SCMP_ARCH_X86_64, .SCMP_ARCH_X32], rules))
        func answer(_ filter: SeccompFilter, _ number: UInt32) throws -> UInt32 {
            try filter.verdict(Call(architecture: x64.audit, number: number))
        }
        #expect(try answer(both, newest64) == Answer.allow)
        #expect(try answer(both, newest64 + 1) == Answer.notImplemented)
        #expect(try answer(both, newest32) == Answer.allow)
        #expect(try answer(both, newest32 - 1) == Answer.notPermitted)
        #expect(try answer(both, newest32 + 1) == Answer.notImplemented)
        #expect(try answer(both, bit - 1) == Answer.notImplemented)
        #expect(try answer(both, .max) == Answer.notImplemented)

        let one = try SeccompFilter.of(profile(.SCMP_ACT_ERRNO, on: [.SCMP_ARCH_X86_64], rules))
        #expect(try answer(one, newest64 + 1) == Answer.notImplemented)
        #expect(try answer(one, newest32) == Answer.killThread)
        #expect(try answer(one, newest32 + 1) == Answer.killThread)
        #expect(try answer(one, 0x8000_0000) == Answer.notImplemented)
        #expect(try answer(one, .max) == Answer.notPermitted)
    }

    /// cacheflush(2) and its like must not make all other numbers look known.
    @Test func armPrivateCallsDoNotCount() throws {
        let arm = CallingConvention(.SCMP_ARCH_ARM)!
        let filter = try SeccompFilter.of(
            profile(.SCMP_ACT_ERRNO, on: [.SCMP_ARCH_ARM], rule(.SCMP_ACT_ALLOW, ["openat", "cacheflush"])))
        func answer(_ number: UInt32) throws -> UInt32 {
            try filter.verdict(Call(architecture: arm.audit, number: number))
        }
        #expect(try answer(0x0f_0002) == Answer.allow)
        #expect(try answer(0x0f_0005) == Answer.notPermitted)
        #expect(try answer(500) == Answer.notImplemented)
    }

    @Test func theNumbersOfS390AreTheirOwn() throws {
        let ranges = CallingConvention(.SCMP_ARCH_S390X)!.unknownNumbers(above: 437)
        #expect(ranges == [0...0, 438...UInt32.max])
        #expect(CallingConvention(.SCMP_ARCH_X86)!.unknownNumbers(above: .max) == [])
    }
}
