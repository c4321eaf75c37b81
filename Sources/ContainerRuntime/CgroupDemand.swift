import Cgroups
import Diagnosis
import LaunchPlan
import OCISpec

extension RuntimeSettings {
    /// What a container with this configuration asks of the control groups.
    func cgroupRequest(
        _ config: Config, id: String, on host: CgroupHost
    ) throws(Failure) -> CgroupRequest {
        let isRootless = isRootless(privileged: HostFacts.hasHostRoot)
        return CgroupRequest(
            cgroupsPath: config.linux?.cgroupsPath, id: id,
            limits: try Limits(
                config.linux?.resources ?? Resources(), nodes: config.linux?.devices ?? [], on: host),
            // Whoever is rootless cannot load device programs, and has no right to devices to begin with.
            devices: isRootless || host.isDisabled ? .bestEffort : .required, owner: config.cgroupOwner,
            systemd: cgroups == .systemd
                ? SystemdRequest(isUser: isRootless, annotations: config.annotations) : nil)
    }
}
