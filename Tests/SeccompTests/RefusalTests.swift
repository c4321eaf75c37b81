import Diagnosis
import OCISpec
import Testing

@testable import Seccomp

/// What cannot be honoured is refused, at the field in question.
@Suite struct RefusalTests {
    private func failure(
        _ profile: SeccompProfile, host: SeccompHost = .complete
    ) -> Failure? {
        do {
            _ = try SeccompFilter.compile(profile, at: "/linux/seccomp", host: host)
            return nil
        } catch {
            return error
        }
    }

    private func place(_ failure: Failure?) -> String? {
        guard case .config(let pointer) = failure?.origin else { return nil }
        return pointer.description
    }

    @Test func noSeccomp() {
        let host = SeccompHost(isAvailable: false, actions: [], flags: [])
        let failure = failure(profile(.SCMP_ACT_ALLOW), host: host)
        #expect(place(failure) == "/linux/seccomp")
        #expect(failure?.reason == "seccomp: config provided but seccomp not supported")
    }

    @Test func errnoForActionsWithoutOne() {
        for action in ActionTests.actions where action != .SCMP_ACT_ERRNO && action != .SCMP_ACT_TRACE {
            let byDefault = failure(profile(action, errno: 1))
            #expect(place(byDefault) == "/linux/seccomp/defaultErrnoRet")
            #expect(byDefault?.reason == "\(action.rawValue) takes no errno value")
            let byRule = failure(
                profile(.SCMP_ACT_ERRNO, rule(.SCMP_ACT_ALLOW, ["read"]), rule(action, ["write"], errno: 1)))
            #expect(place(byRule) == "/linux/seccomp/syscalls/1/errnoRet")
        }
    }

    @Test func errnoOutOfRange() {
        #expect(place(failure(profile(.SCMP_ACT_ERRNO, errno: 4095))) == "/linux/seccomp/defaultErrnoRet")
        #expect(place(failure(profile(.SCMP_ACT_TRACE, errno: 0x10000))) == "/linux/seccomp/defaultErrnoRet")
        #expect(place(failure(profile(.SCMP_ACT_ERRNO, errno: .max))) == "/linux/seccomp/defaultErrnoRet")
        #expect(failure(profile(.SCMP_ACT_ERRNO, errno: 4094)) == nil)
        #expect(failure(profile(.SCMP_ACT_TRACE, errno: 0xffff)) == nil)
    }

    /// A listener is made when a call is for it, and a flag that is about it does nothing without one.
    @Test func notification() throws {
        let wait = SeccompProfile.Flag.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
        func flags(_ action: SeccompProfile.Action, _ name: String, _ flags: [SeccompProfile.Flag]?) throws
            -> UInt32
        {
            var profile = profile(.SCMP_ACT_ALLOW, rule(action, [name]))
            profile.flags = flags
            return try SeccompFilter.of(profile).flags
        }
        let (tsync, specAllow, listener, follow): (UInt32, UInt32, UInt32, UInt32) = (1, 4, 8, 16)
        #expect(try flags(.SCMP_ACT_NOTIFY, "mkdir", nil) == listener | specAllow)
        #expect(try flags(.SCMP_ACT_NOTIFY, "mkdir", []) == listener)
        #expect(try flags(.SCMP_ACT_NOTIFY, "no_such_call", []) == 0)
        #expect(try flags(.SCMP_ACT_ERRNO, "mkdir", [wait]) == 0)
        #expect(try flags(.SCMP_ACT_NOTIFY, "mkdir", [wait]) == listener | wait.rawFlag)
        #expect(
            try flags(.SCMP_ACT_NOTIFY, "mkdir", [.SECCOMP_FILTER_FLAG_TSYNC]) == listener | tsync | follow)
        #expect(try flags(.SCMP_ACT_ERRNO, "mkdir", [.SECCOMP_FILTER_FLAG_TSYNC]) == tsync)
    }

    @Test func whatTheKernelLacks() {
        var old = SeccompHost.complete
        old.actions.removeAll { [.SCMP_ACT_LOG, .SCMP_ACT_KILL_PROCESS, .SCMP_ACT_NOTIFY].contains($0) }
        old.flags = [.SECCOMP_FILTER_FLAG_TSYNC]
        #expect(place(failure(profile(.SCMP_ACT_LOG), host: old)) == "/linux/seccomp/defaultAction")
        let kill = profile(.SCMP_ACT_ALLOW, rule(.SCMP_ACT_KILL_PROCESS, ["read"]))
        #expect(place(failure(kill, host: old)) == "/linux/seccomp/syscalls/0/action")
        let notify = profile(.SCMP_ACT_ALLOW, rule(.SCMP_ACT_NOTIFY, ["mkdir"]))
        #expect(place(failure(notify, host: old)) == "/linux/seccomp/syscalls/0/action")
        #expect(failure(notify, host: old)?.remedy?.hasSuffix("5.0") == true)
        var flags = profile(.SCMP_ACT_ALLOW)
        flags.flags = [.SECCOMP_FILTER_FLAG_TSYNC, .SECCOMP_FILTER_FLAG_SPEC_ALLOW]
        #expect(place(failure(flags, host: old)) == "/linux/seccomp/flags/1")
    }

    @Test func architectures() {
        #expect(CallingConvention.native?.isLittleEndian == true, "the tests know a little-endian host")
        for architecture in SeccompProfile.Architecture.allCases {
            let failure = failure(profile(.SCMP_ACT_ALLOW, on: [native, architecture]))
            if let convention = CallingConvention(architecture) {
                #expect((failure == nil) == convention.isLittleEndian, "\(architecture)")
                #expect(failure?.reason.contains("byte order") ?? true)
            } else {
                #expect(failure?.reason.contains("is not supported by this libseccomp") == true)
            }
            if failure != nil { #expect(place(failure) == "/linux/seccomp/architectures/1") }
        }
        // libseccomp 2.5 lacks four of the 23; newer ones have them.
        #expect(SeccompFilter.architectures.count >= 19)
    }

    @Test func argumentsAndNames() {
        let seventh = rule(
            .SCMP_ACT_ERRNO, ["read"], [argument(5, .SCMP_CMP_EQ, 0), argument(6, .SCMP_CMP_EQ, 0)])
        #expect(
            place(failure(profile(.SCMP_ACT_ALLOW, seventh))) == "/linux/seccomp/syscalls/0/args/1/index")
        let huge = rule(.SCMP_ACT_ERRNO, ["read"], [argument(.max, .SCMP_CMP_EQ, 0)])
        #expect(place(failure(profile(.SCMP_ACT_ALLOW, huge))) == "/linux/seccomp/syscalls/0/args/0/index")
        for name in ["", "re\0ad"] {
            let nameless = profile(.SCMP_ACT_ALLOW, rule(.SCMP_ACT_ERRNO, ["read", name]))
            #expect(place(failure(nameless)) == "/linux/seccomp/syscalls/0/names/1")
        }
    }

    /// runc refuses these as well (`file exists`).
    @Test func contradictions() {
        let conditions = [argument(0, .SCMP_CMP_EQ, 1)]
        let failure = failure(
            profile(
                .SCMP_ACT_ALLOW, rule(.SCMP_ACT_ERRNO, ["read", "personality"], conditions),
                rule(.SCMP_ACT_TRAP, ["openat", "personality"], conditions)))
        #expect(place(failure) == "/linux/seccomp/syscalls/1/names/1")
        #expect(failure?.reason == "an earlier rule for the same arguments has another action")
    }

    @Test func tooLong() {
        var long = profile(.SCMP_ACT_ALLOW)
        for (value, name) in everyName(on: native).enumerated() {
            let conditions = (UInt32(0)...3).map { argument($0, .SCMP_CMP_EQ, UInt64(value) << 20 + 1) }
            long.syscalls.append(rule(.SCMP_ACT_ERRNO, [name], conditions))
        }
        let failure = failure(long)
        #expect(place(failure) == "/linux/seccomp")
        #expect(failure?.reason.contains("the kernel takes 4096") == true)
    }
}

@Suite struct FlagTests {
    private func flags(_ flags: [SeccompProfile.Flag]?, host: SeccompHost = .complete) throws -> UInt32 {
        var profile = profile(.SCMP_ACT_ALLOW)
        profile.flags = flags
        return try SeccompFilter.compile(profile, at: "", host: host).flags
    }

    @Test func theDefaultIsSpecAllowWhereKnown() throws {
        #expect(try flags(nil) == 4)
        var old = SeccompHost.complete
        old.flags = []
        #expect(try flags(nil, host: old) == 0)
        #expect(try flags([]) == 0)
    }

    @Test func flagsAreCombined() throws {
        #expect(try flags([.SECCOMP_FILTER_FLAG_LOG]) == 2)
        #expect(
            try flags([
                .SECCOMP_FILTER_FLAG_LOG, .SECCOMP_FILTER_FLAG_TSYNC, .SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                .SECCOMP_FILTER_FLAG_LOG,
            ]) == 7)
    }
}
