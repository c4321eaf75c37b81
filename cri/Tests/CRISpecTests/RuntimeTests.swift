import CRIProto
import Foundation
import Glibc
import OCISpec
import Testing

@testable import CRISpec

/// What is compiled here does what it says under the runtimes that are installed: as seen by a process in the container.
///
/// Needs root, busybox-static and a runtime; all in a mount namespace that ends with the test.
@Suite(.serialized) struct RuntimeTests {
    static let busybox = "/bin/busybox"

    /// The one built beside this package, and Debian's.
    static let runtimes: [String] = {
        let tests = "cri/Tests/CRISpecTests/RuntimeTests.swift"
        let own = #filePath.dropLast(tests.count) + ".build/debug/apus"
        return [String(own), "/usr/sbin/runc", "/usr/bin/runc", "/usr/bin/crun"].filter {
            access($0, X_OK) == 0
        }
    }()

    static let canRun = geteuid() == 0 && access(busybox, X_OK) == 0 && !runtimes.isEmpty

    static let look = """
        id -u; id -G; hostname; grep -E '^(CapInh|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
        cat /proc/self/oom_score_adj /etc/hosts; echo $HOME $HOSTNAME; cat /proc/meminfo | wc -c
        touch /dev/shm/x && echo shm; touch /x 2>/dev/null || echo read-only; cat /proc/self/uid_map
        """

    /// - Returns: what the container's process said.
    func run(_ runtime: String, _ change: (inout ContainerSpecification) -> Void) throws -> [String] {
        let base = "/tmp/crispec-run-\(getpid())"
        let manager = FileManager.default
        defer { try? manager.removeItem(atPath: base) }
        for directory in ["bundle", "ns", "shm", "state"]
            + ["bin", "etc", "proc", "sys", "dev"].map({ "rootfs/\($0)" })
        {
            try manager.createDirectory(atPath: "\(base)/\(directory)", withIntermediateDirectories: true)
        }
        try manager.copyItem(atPath: Self.busybox, toPath: "\(base)/rootfs/bin/busybox")
        for name in ["sh", "id", "hostname", "grep", "cat", "wc", "touch"] {
            try manager.createSymbolicLink(
                atPath: "\(base)/rootfs/bin/\(name)", withDestinationPath: "busybox")
        }
        for (name, text) in [
            ("rootfs/etc/passwd", "root:x:0:0::/root:\napp:x:1000:1000::/home/app:\n"),
            ("rootfs/etc/group", "wheel:x:10:app\n"), ("hosts", "127.0.0.1 pod\n"),
        ] {
            try text.write(toFile: "\(base)/\(name)", atomically: false, encoding: .utf8)
        }
        let host = try HostFacts.detect()
        let compiled = try ContainerSpecification.sample {
            $0.files = LocalFiles()
            $0.host = host
            $0.rootfs = base + "/rootfs"
            $0.cgroup = .cgroupfs(path: "/apus-crispec-\(getpid())")
            $0.paths = PodPaths()
            $0.paths.network = base + "/ns/net"
            $0.paths.uts = base + "/ns/uts"
            $0.paths.ipc = base + "/ns/ipc"
            $0.paths.hosts = base + "/hosts"
            $0.paths.sharedMemory = base + "/shm"
            $0.container.command = ["/bin/sh", "-c", Self.look]
            change(&$0)
            if $0.paths.user != nil { $0.paths.user = base + "/ns/user" }
        }.compile()
        _ = manager.createFile(atPath: "\(base)/bundle/config.json", contents: Data(compiled.json))
        let isUser = compiled.config.namespace(.user) != nil
        // Not /dev/null, which crun gives to the container's user.
        _ = manager.createFile(atPath: base + "/empty", contents: nil)
        // What a test starts has its thread's signals blocked: SIGTERM would do nothing to what keeps the namespaces.
        // crun refuses a host with both versions, unless it is to leave cgroups alone.
        let isCrun = runtime.hasSuffix("crun") && !host.isUnified
        let script = """
            set -e; cd \(base)
            unshare \(isUser ? "-U" : "") -n -i -u sleep 60 &
            pod=$!; trap "kill -9 $pod" EXIT
            while [ /proc/$pod/ns/uts -ef /proc/$$/ns/uts ]; do sleep 0.05; done
            if [ -n "\(isUser ? "1" : "")" ]; then
                echo 0 131072 65536 > /proc/$pod/uid_map; echo 0 131072 65536 > /proc/$pod/gid_map
                chown -R 131072:131072 rootfs
            fi
            nsenter -t $pod -u hostname pod
            for n in net ipc uts user; do touch ns/$n; mount --bind /proc/$pod/ns/$n ns/$n; done
            mount -t tmpfs -o mode=1777 tmpfs shm; mount --bind rootfs rootfs
            \(isCrun ? "mount -t cgroup2 cgroup2 /sys/fs/cgroup" : "")
            timeout 20 \(runtime) --root \(base)/state \(isCrun ? "--cgroup-manager=disabled" : "") \
                run --bundle bundle crispec-\(getpid()) < empty
            """
        let process = Foundation.Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = ["-m", "--propagation", "private", "bash", "-c", script]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
    }

    @Test(.enabled(if: canRun, "needs root, busybox-static and a runtime"), arguments: runtimes)
    func restricted(_ runtime: String) throws {
        let lines = try run(runtime) { sample in
            GoldenTests.restrict(&sample)
            sample.security.maskedPaths.append("/proc/meminfo")
            sample.container.linux.resources.oomScoreAdj = 900
        }
        #expect(
            lines == [
                "1000", "1000 10 2000", "pod", "CapInh: 0000000000000000", "CapEff: 0000000000000000",
                "CapBnd: 0000000000000400", "NoNewPrivs: 1", "Seccomp: 2", "900", "127.0.0.1 pod",
                "/home/app web",
                "0", "shm", "read-only", "0 0 4294967295",
            ])
    }

    @Test(.enabled(if: canRun, "needs root, busybox-static and a runtime"), arguments: runtimes)
    func userNamespace(_ runtime: String) throws {
        let lines = try run(runtime) { $0.useUserNamespace() }
        #expect(lines.prefix(3) == ["0", "0", "pod"])
        #expect(lines.contains("CapEff: 00000000a80425fb"))
        #expect(lines.last == "0 131072 65536", "\(lines)")
    }
}
