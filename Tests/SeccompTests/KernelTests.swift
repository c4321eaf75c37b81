import CFilterProbe
import Foundation
import OCISpec
import Testing

@testable import Seccomp

/// The kernel's opinion of compiled filters. Needs nothing but a kernel with seccomp.
@Suite struct KernelTests {
    static let hasSeccomp = SeccompHost.detect().isAvailable

    enum Fate: Equatable {
        case returned(Int), failed(Int32), killed(Int32)
    }

    private func call(
        _ profile: SeccompProfile, _ name: String, _ arguments: [UInt64] = [],
        number: UInt32? = nil, through entry: probe_entry = PROBE_NATIVE
    ) throws -> Fate {
        let filter = try SeccompFilter.compile(profile, at: "/linux/seccomp")
        let architecture = entry == PROBE_INT80 ? .SCMP_ARCH_X86 : native
        let number =
            try number ?? #require(UInt32(exactly: CallingConvention(architecture)!.number(of: name)))
        var result = probe_result()
        let arguments = arguments + Array(repeating: 0, count: 6 - arguments.count)
        let error = probe_filter(
            filter.instructions, UInt16(filter.count), filter.flags, entry, number, arguments, &result)
        #expect(error == 0, "the filter was not installed: \(String(cString: strerror(error)))")
        if result.returned == 0 { return .killed(result.status & 0x7f) }
        return result.error == 0 ? .returned(result.value) : .failed(result.error)
    }

    @Test(.enabled(if: hasSeccomp)) func thisKernelIsComplete() {
        let host = SeccompHost.detect()
        #expect(host == .complete, "Linux 4.17 and later")
    }

    @Test(.enabled(if: hasSeccomp)) func actions() throws {
        let parent = Fate.returned(Int(getpid()))
        func fate(_ action: SeccompProfile.Action, errno: UInt32? = nil) throws -> Fate {
            try call(profile(.SCMP_ACT_ALLOW, rule(action, ["getppid"], errno: errno)), "getppid")
        }
        #expect(try call(profile(.SCMP_ACT_ALLOW), "getppid") == parent)
        #expect(try fate(.SCMP_ACT_ERRNO) == .failed(EPERM))
        #expect(try fate(.SCMP_ACT_ERRNO, errno: 100) == .failed(100))
        #expect(try fate(.SCMP_ACT_ERRNO, errno: 0) == .returned(0))
        #expect(try fate(.SCMP_ACT_KILL) == .killed(SIGSYS))
        #expect(try fate(.SCMP_ACT_KILL_THREAD) == .killed(SIGSYS))
        #expect(try fate(.SCMP_ACT_KILL_PROCESS) == .killed(SIGSYS))
        #expect(try fate(.SCMP_ACT_TRAP) == .killed(SIGSYS))
        // Nobody traces.
        #expect(try fate(.SCMP_ACT_TRACE) == .failed(ENOSYS))
        #expect(try fate(.SCMP_ACT_LOG) == parent)
    }

    @Test(.enabled(if: hasSeccomp)) func arguments() throws {
        let wide = profile(
            .SCMP_ACT_ALLOW,
            rule(.SCMP_ACT_ERRNO, ["personality"], errno: 42, [argument(0, .SCMP_CMP_GT, 0x1_0000_0000)]))
        #expect(try call(wide, "personality", [0x1_0000_0001]) == .failed(42))
        guard case .returned = try call(wide, "personality", [0xffff_ffff]) else {
            Issue.record("the condition does not hold")
            return
        }
    }

    @Test(.enabled(if: hasSeccomp)) func anEverydayProfile() throws {
        let profile = everyday(
            errno: nil, on: [.SCMP_ARCH_X86_64, .SCMP_ARCH_X86, .SCMP_ARCH_X32],
            without: ["process_mrelease", "futex_waitv", "set_mempolicy_home_node"])
        #expect(try call(profile, "getppid") == .returned(Int(getpid())))
        #expect(try call(profile, "reboot") == .failed(EPERM))
        #expect(try call(profile, "bpf") == .failed(EACCES))
        #expect(try call(profile, "socket", [16, 3, 9]) == .failed(EINVAL))
        #expect(try call(profile, "", number: 460) == .failed(ENOSYS))
        #expect(try call(profile, "prlimit64", [0, 0x1_0000_0005]) == .failed(ENOSYS))
    }

    /// Programs of another architecture, which this kernel may or may not run.
    @Test(.enabled(if: hasSeccomp && native == .SCMP_ARCH_X86_64)) func otherConventions() throws {
        let killed = Fate.killed(SIGSYS)
        let rules = rule(.SCMP_ACT_ERRNO, ["getppid"], errno: 77)
        let x32 = UInt32(bitPattern: CallingConvention(.SCMP_ARCH_X32)!.number(of: "getppid"))
        let narrow = profile(.SCMP_ACT_ALLOW, on: [], rules)
        let wide = profile(.SCMP_ACT_ALLOW, on: [.SCMP_ARCH_X86, .SCMP_ARCH_X32], rules)
        #expect(try call(narrow, "getppid", number: x32) == killed)
        #expect(try call(wide, "getppid", number: x32) == .failed(77))
        // A kernel without 32-bit emulation answers int 0x80 with SIGSEGV.
        guard try call(wide, "getppid", through: PROBE_INT80) != .killed(SIGSEGV) else { return }
        #expect(try call(narrow, "getppid", through: PROBE_INT80) == killed)
        #expect(try call(wide, "getppid", through: PROBE_INT80) == .failed(77))
    }
}
