import OCISpec
import Testing

@testable import Seccomp

/// A fault of libseccomp 2.5 that a filter must not have: given an unconditional rule for a call that an
/// architecture lacks, and otherwise only rules with conditions, libseccomp's list compares the
/// architecture, not the number, with the numbers of calls. The rules then never apply.
@Suite struct LoadTests {
    static let faulty = profile(
        .SCMP_ACT_ALLOW, on: [.SCMP_ARCH_AARCH64, .SCMP_ARCH_X86_64, .SCMP_ARCH_X32],
        rule(.SCMP_ACT_ERRNO, ["chown32"]),
        rule(.SCMP_ACT_ERRNO, ["personality"], [argument(0, .SCMP_CMP_EQ, 1)]))

    @Test(arguments: [
        SeccompProfile.Architecture.SCMP_ARCH_AARCH64, .SCMP_ARCH_X86_64, .SCMP_ARCH_X32,
    ])
    func callsThatAnArchitectureLacksDoNoHarm(_ architecture: SeccompProfile.Architecture) throws {
        let filter = try SeccompFilter.of(Self.faulty)
        #expect(try filter.verdict("personality", [1], on: architecture) == Answer.notPermitted)
        #expect(try filter.verdict("personality", [2], on: architecture) == Answer.allow)
    }
}
