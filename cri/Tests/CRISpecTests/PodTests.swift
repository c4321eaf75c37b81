import CRIProto
import OCISpec
import Testing

@testable import CRISpec

/// Pods by themselves, as RunPodSandbox has them.
@Suite struct PodTests {
    func check(_ change: (inout Runtime_V1_PodSandboxConfig) -> Void) throws -> PodNamespaces {
        var pod = Runtime_V1_PodSandboxConfig()
        change(&pod)
        return try PodNamespaces.check(pod)
    }

    @Test func namespaces() throws {
        var expected = PodNamespaces()
        #expect(try check { _ in } == expected)
        expected.isHostNetwork = true
        expected.isHostIPC = true
        expected.pid = .node
        let found = try check {
            $0.linux.securityContext.namespaceOptions.network = .node
            $0.linux.securityContext.namespaceOptions.ipc = .node
            $0.linux.securityContext.namespaceOptions.pid = .node
            $0.linux.securityContext.namespaceOptions.usernsOptions.mode = .node
        }
        #expect(found == expected)
    }

    static let refusals: [(String, @Sendable (inout Runtime_V1_PodSandboxConfig) -> Void)] = [
        ("/config/windows", { $0.windows = Runtime_V1_WindowsPodSandboxConfig() }),
        ("/config/hostname", { $0.hostname = String(repeating: "a", count: 65) }),
        ("/config/log_directory", { $0.logDirectory = "a" }),
        (
            "/config/linux/security_context/run_as_group",
            { $0.linux.securityContext.runAsGroup = int64(1) }
        ),
        (
            "/config/linux/security_context/supplemental_groups_policy",
            { $0.linux.securityContext.supplementalGroupsPolicy = .UNRECOGNIZED(3) }
        ),
        (
            "/config/linux/security_context/seccomp/localhost_ref",
            { $0.linux.securityContext.seccomp.localhostRef = "a" }
        ),
        (
            "/config/linux/security_context/seccomp_profile_path",
            { $0.linux.securityContext.seccompProfilePath = "a" }
        ),
        (
            "/config/linux/security_context/apparmor/profile_type",
            { $0.linux.securityContext.apparmor.profileType = .UNRECOGNIZED(3) }
        ),
        (
            "/config/linux/security_context/namespace_options/network",
            { $0.linux.securityContext.namespaceOptions.network = .container }
        ),
        (
            "/config/linux/security_context/namespace_options/target_id",
            { $0.linux.securityContext.namespaceOptions.targetID = "c" }
        ),
    ]

    @Test(arguments: refusals.map(\.0)) func isRefused(_ pointer: String) throws {
        let change = try #require(Self.refusals.first { $0.0 == pointer }?.1)
        let error = #expect(throws: SpecificationError.self) { try check(change) }
        #expect(error?.failure.origin.source == pointer)
    }
}
