import CRIProto
import Glibc
import OCISpec
import Testing

@testable import CRISpec

/// Whole documents, for pods as they are: a change of any of them is to be seen in review.
@Suite struct GoldenTests {
    static let pods: [(name: String, change: @Sendable (inout ContainerSpecification) -> Void)] = [
        ("default", { _ in }), ("restricted", restrict), ("privileged", { $0.bePrivileged() }),
        ("host-network", { $0.useHostNetwork() }), ("user-namespace", { $0.useUserNamespace() }),
        (
            "user-namespace-host-network",
            {
                $0.useUserNamespace(); $0.useHostNetwork()
            }
        ), ("terminal", terminal),
        ("kubelet-volumes", volumes), ("shared-pid-systemd", sharedPID),
    ]

    /// The "restricted" level of Kubernetes' pod security standards.
    @Sendable static func restrict(_ sample: inout ContainerSpecification) {
        sample.security.seccomp.profileType = .runtimeDefault
        sample.security.capabilities.dropCapabilities = ["ALL"]
        sample.security.capabilities.addCapabilities = ["NET_BIND_SERVICE"]
        sample.security.noNewPrivs = true
        sample.security.readonlyRootfs = true
        sample.security.runAsUser = int64(1000)
        sample.security.supplementalGroups = [2000]
        sample.security.maskedPaths = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/sys/firmware"]
        sample.security.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"]
    }

    @Sendable static func terminal(_ sample: inout ContainerSpecification) {
        sample.container.tty = true
        sample.container.stdin = true
        sample.container.command = ["sh"]
    }

    @Sendable static func volumes(_ sample: inout ContainerSpecification) {
        let volumes = "/var/lib/kubelet/pods/5d1f5e3c/volumes"
        sample.mount("/var/run/secrets/kubernetes.io/serviceaccount", "\(volumes)/token") {
            $0.readonly = true
            $0.recursiveReadOnly = true
        }
        sample.mount("/etc/hosts", "/var/lib/kubelet/pods/5d1f5e3c/etc-hosts") { $0.selinuxRelabel = true }
        sample.mount("/dev/termination-log", "/var/lib/kubelet/pods/5d1f5e3c/containers/nginx/1")
        sample.mount("/mnt", "/mnt/data") { $0.propagation = .propagationHostToContainer }
        sample.mount("/mnt/deeper/below", "/srv") { $0.propagation = .propagationBidirectional }
        sample.container.linux.resources.memoryLimitInBytes = 256 << 20
        sample.container.linux.resources.cpuQuota = 50_000
        sample.container.linux.resources.cpuPeriod = 100_000
        sample.container.linux.resources.unified = ["memory.high": "200000000", "memory.oom.group": "1"]
        sample.container.linux.resources.oomScoreAdj = 985
    }

    @Sendable static func sharedPID(_ sample: inout ContainerSpecification) {
        sample.pod.linux.securityContext.namespaceOptions.pid = .pod
        sample.security.namespaceOptions.pid = .pod
        sample.paths.pid = "/run/apus-cri/pods/p/ns/pid"
        sample.cgroup = .systemd(slice: "kubepods-pod5d1f5e3c.slice", prefix: "cri-apus", name: "c1")
        sample.host.isUnified = false
    }

    /// `CRISPEC_RECORD=1 swift test --filter GoldenTests` writes them anew.
    @Test(arguments: pods.map(\.name)) func document(_ name: String) throws {
        let pod = try #require(Self.pods.first { $0.name == name })
        let compiled = try ContainerSpecification.sample(pod.change).compile()
        let path = "\(#filePath.dropLast("GoldenTests.swift".count))Fixtures/\(name).json"
        if getenv("CRISPEC_RECORD") != nil { try write(compiled.json, to: path) }
        #expect(
            String(decoding: compiled.json, as: UTF8.self) == String(decoding: try read(path), as: UTF8.self))
        #expect(compiled.warnings == [])
    }

    /// The decoder and the rules of the runtime's own, and nothing lost on the way.
    @Test(arguments: pods.map(\.name)) func isReadBack(_ name: String) throws {
        let pod = try #require(Self.pods.first { $0.name == name })
        let compiled = try ContainerSpecification.sample(pod.change).compile()
        let decoded = try Config.decode(compiled.json)
        try decoded.validate()
        #expect(decoded == compiled.config)
    }

    private struct Unreadable: Error {}

    private func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw Unreadable() }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "w") else { throw Unreadable() }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Unreadable() }
    }
}
