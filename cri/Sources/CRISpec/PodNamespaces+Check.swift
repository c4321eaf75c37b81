import CRIProto
import Diagnosis

extension PodNamespaces {
    /// Checks what a pod's configuration says, before anything is made of it, as far as one of its containers' does
    /// not say the same: ``ContainerSpecification/compile()`` checks the rest.
    ///
    /// A pod has no process of an image's, so that its user, groups, root, seccomp and AppArmor profile have nothing to
    /// apply to; they must make sense all the same.
    ///
    /// - Parameter pointer: Where the configuration is in its request.
    package static func check(
        _ pod: Runtime_V1_PodSandboxConfig, at pointer: Pointer = "/config"
    ) throws(SpecificationError) -> PodNamespaces {
        if pod.hasWindows {
            throw .unimplemented(
                at: pointer.key("windows"), "pods of Windows do not run on Linux",
                remedy: "leave the section out")
        }
        // __NEW_UTS_LEN of the kernel.
        if pod.hostname.utf8.count > 64 || pod.hostname.utf8.contains(0) {
            throw SpecificationError(
                at: pointer.key("hostname"), "\(quoted(pod.hostname)) is no host name: 64 bytes are allowed")
        }
        if !pod.logDirectory.isEmpty, !pod.logDirectory.hasPrefix("/") {
            throw SpecificationError(
                at: pointer.key("log_directory"), "\(quoted(pod.logDirectory)) is not an absolute path")
        }
        let security = pod.linux.securityContext
        let place = pointer.key("linux").key("security_context")
        if security.hasRunAsGroup, !security.hasRunAsUser {
            throw SpecificationError(
                at: place.key("run_as_group"), "run_as_user is not set", remedy: "set it")
        }
        if case .UNRECOGNIZED(let number) = security.supplementalGroupsPolicy {
            throw unknownValue(
                number, of: "SupplementalGroupsPolicy", at: place.key("supplemental_groups_policy"))
        }
        _ = try ProfileChoice.parse(
            security.hasSeccomp ? security.seccomp : nil, at: place.key("seccomp"),
            deprecated: security.seccompProfilePath, at: place.key("seccomp_profile_path"))
        _ = try ProfileChoice.parse(
            security.hasApparmor ? security.apparmor : nil, at: place.key("apparmor"), deprecated: "",
            at: place)
        return try PodNamespaces(of: pod, at: pointer)
    }
}
