import Cgroups
import Diagnosis
import Kernel
import OCISpec

extension ContainerRuntime {
    /// The config.json that `spec` writes: runc's, for this host and, if rootless, this user.
    public static func template(rootless: Bool) throws(Failure) -> String {
        let owner = Config.Owner(uid: ProcessControl.effectiveUID, gid: ProcessControl.effectiveGID)
        return Config.template(
            rootless: rootless ? owner : nil, cgroup2: try CgroupHost.detect().kind == .unified)
    }
}
