import Diagnosis
import Labels
import OCISpec

/// The security labels of a configuration, checked against what the host has.
struct ConfiguredLabels {
    let appArmor: LabelWrite?
    let process: SELinuxContext?
    let mount: MountLabel?

    /// - Throws: if a label is asked for and its security module is not there, or the label is none.
    init(_ config: Config, _ host: LSMHost) throws(Failure) {
        appArmor = try AppArmor.onExec(
            config.process?.apparmorProfile, at: "/process/apparmorProfile", host: host)
        process = try SELinuxContext.configured(
            config.process?.selinuxLabel, at: "/process/selinuxLabel", host: host)
        mount = try SELinuxContext.configured(
            config.linux?.mountLabel, at: "/linux/mountLabel", host: host
        ).map { MountLabel($0, key: config.runtimeAnnotations.mountContext) }
    }
}
