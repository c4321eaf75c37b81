import OCISpec
import Testing

@testable import Seccomp

@Suite struct ArgumentTests {
    static let values: [UInt64] = [
        0, 1, 7, 8, 9, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0007, 0x1_0000_0008, 0x1_0000_0009,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0008, .max - 1, .max,
    ]

    /// Each operator on each argument, for 64-bit and 32-bit callers.
    @Test(arguments: SeccompProfile.Operator.allCases)
    func operatorsCompare(_ op: SeccompProfile.Operator) throws {
        for index in UInt32(0)...5 {
            for datum in [0, 8, 0xffff_ffff, 0x1_0000_0008, UInt64.max] {
                for other: UInt64 in op == .SCMP_CMP_MASKED_EQ ? [0, 8, 0x1_0000_0008] : [0] {
                    let condition = argument(index, op, datum, other)
                    let profile = profile(
                        .SCMP_ACT_ERRNO, on: [.SCMP_ARCH_X86, .SCMP_ARCH_X32, .SCMP_ARCH_AARCH64],
                        rule(.SCMP_ACT_ALLOW, ["ioctl"], [condition]))
                    let filter = try SeccompFilter.of(profile)
                    for value in Self.values {
                        for architecture in [native] + profile.architectures {
                            // What 32-bit callers pass has no upper half.
                            let wide = architecture == native || architecture == .SCMP_ARCH_AARCH64
                            if !wide && value > 0xffff_ffff { continue }
                            var arguments = [UInt64](repeating: 0x55, count: 6)
                            arguments[Int(index)] = value
                            let call = Call.named("ioctl", arguments, on: architecture)
                            #expect(
                                try filter.verdict(call)
                                    == Reference(profile: profile).verdict(call, on: architecture),
                                "\(op) \(datum) \(other) on \(architecture): \(call)")
                        }
                    }
                }
            }
        }
    }

    @Test func conditionsOnDifferentArgumentsMustAllHold() throws {
        let filter = try SeccompFilter.of(
            profile(
                .SCMP_ACT_ALLOW,
                rule(
                    .SCMP_ACT_ERRNO, ["fcntl"], [argument(1, .SCMP_CMP_EQ, 4), argument(2, .SCMP_CMP_GT, 9)]))
        )
        #expect(try filter.verdict("fcntl", [0, 4, 10], on: native) == Answer.notPermitted)
        #expect(try filter.verdict("fcntl", [0, 4, 9], on: native) == Answer.allow)
        #expect(try filter.verdict("fcntl", [0, 3, 10], on: native) == Answer.allow)
    }

    /// As in runc and crun: the conditions become alternatives, also those on other arguments.
    @Test func conditionsOnTheSameArgumentAreAlternatives() throws {
        let filter = try SeccompFilter.of(
            profile(
                .SCMP_ACT_ERRNO,
                rule(
                    .SCMP_ACT_ALLOW, ["personality"],
                    [
                        argument(0, .SCMP_CMP_EQ, 0), argument(0, .SCMP_CMP_EQ, 8),
                        argument(1, .SCMP_CMP_EQ, 5),
                    ])))
        #expect(try filter.verdict("personality", [0, 1], on: native) == Answer.allow)
        #expect(try filter.verdict("personality", [8, 1], on: native) == Answer.allow)
        #expect(try filter.verdict("personality", [3, 5], on: native) == Answer.allow)
        #expect(try filter.verdict("personality", [3, 1], on: native) == Answer.notPermitted)
    }

    @Test func aMaskComesFirst() throws {
        let filter = try SeccompFilter.of(
            profile(
                .SCMP_ACT_ERRNO,
                rule(.SCMP_ACT_ALLOW, ["clone"], [argument(0, .SCMP_CMP_MASKED_EQ, 0xff00, 0x1200)])))
        #expect(try filter.verdict("clone", [0xabcd_1234], on: native) == Answer.allow)
        #expect(try filter.verdict("clone", [0x1300], on: native) == Answer.notPermitted)
    }

    /// socketcall(2) and ipc(2) carry the call's number in their first argument.
    @Test func multiplexedCallsAreDecidedByTheirNumber() throws {
        let filter = try SeccompFilter.of(
            profile(
                .SCMP_ACT_ERRNO, on: [.SCMP_ARCH_X86],
                rule(.SCMP_ACT_ALLOW, ["socket", "shmget", "futex_requeue"])))
        let x86 = CallingConvention(.SCMP_ARCH_X86)!.audit
        func call(_ number: UInt32, _ first: UInt64) -> Call {
            Call(architecture: x86, number: number, arguments: [first, 0, 0, 0, 0, 0])
        }
        #expect(try filter.verdict(call(102, 1)) == Answer.allow)
        #expect(try filter.verdict(call(102, 2)) == Answer.notPermitted)
        #expect(try filter.verdict(call(359, 2)) == Answer.allow)
        #expect(try filter.verdict(call(117, 23)) == Answer.allow)
        #expect(try filter.verdict(call(117, 21)) == Answer.notPermitted)
        #expect(try filter.verdict(call(395, 0)) == Answer.allow)
    }
}
