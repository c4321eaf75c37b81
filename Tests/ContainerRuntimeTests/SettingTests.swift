import Diagnosis
import Foundation
import Glibc
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

/// sd_listen_fds(3). One test: the environment is the process's.
@Suite struct SocketActivationTests {
    @Test func environment() {
        let own = String(getpid())
        for (count, pid, expected) in [
            ("2", own, 2), ("32", own, 32), ("2", "1", 0), ("2", "", 0), ("2", nil, 0), (nil, own, 0),
            ("", own, 0), ("0", own, 0), ("-1", own, 0), ("x", own, 0), ("2 ", own, 0),
            ("9223372036854775808", own, 0), ("2", "99999999999", 0),
        ] as [(String?, String?, Int)] {
            set("LISTEN_FDS", count)
            set("LISTEN_PID", pid)
            #expect(
                SocketActivation.current.descriptors == expected, "\(count ?? "unset"), \(pid ?? "unset")")
        }
        set("LISTEN_FDS", nil)
        set("LISTEN_PID", nil)
    }

    private func set(_ name: String, _ value: String?) {
        if let value { setenv(name, value, 1) } else { unsetenv(name) }
    }
}

@Suite struct SettingTests {
    /// The kernel's numbers of asm-generic/resource.h.
    @Test func resourceLimits() {
        let order: [RLimit.Resource] = [
            .RLIMIT_CPU, .RLIMIT_FSIZE, .RLIMIT_DATA, .RLIMIT_STACK, .RLIMIT_CORE, .RLIMIT_RSS,
            .RLIMIT_NPROC, .RLIMIT_NOFILE, .RLIMIT_MEMLOCK, .RLIMIT_AS, .RLIMIT_LOCKS, .RLIMIT_SIGPENDING,
            .RLIMIT_MSGQUEUE, .RLIMIT_NICE, .RLIMIT_RTPRIO, .RLIMIT_RTTIME,
        ]
        #expect(order.map(\.number) == (0..<16).map { Int32($0) })
        #expect(Set(order) == Set(RLimit.Resource.allCases))
    }

    /// What `features` says of this host, as JSON and as values.
    @Test func features() throws {
        let features = try runtime("/nowhere").features()
        #expect(features.ociVersionMin == "1.0.0" && features.ociVersionMax == "1.3.0")
        #expect(features.hooks?.count == 6)
        #expect(features.mountOptions?.contains("rbind") == true)
        #expect(features.mountOptions?.contains("idmap") == true)
        #expect(features.linux?.idmapMountsEnabled == true)
        #expect(features.linux?.capabilities?.contains("CAP_CHOWN") == true)
        #expect(features.linux?.namespaces?.contains("user") == true)
        #expect(features.linux?.seccomp?.actions?.contains("SCMP_ACT_ERRNO") == true)
    }
}
