import Diagnosis
import LaunchPlan
import OCISpec

extension Config {
    /// Refuses what a container would come back without: CRIU neither saves it nor can be told of it.
    func requireRestorable() throws(Failure) {
        for (position, mount) in mounts.enumerated() where mount.isIDMapped {
            throw Failure(
                at: Pointer("/mounts").index(position), "CRIU does not restore the ID mapping of a mount")
        }
        let seccomp = linux?.seccomp
        let actions = [seccomp?.defaultAction] + (seccomp?.syscalls ?? []).map(\.action)
        let wanted: [(Bool, Pointer, String)] = [
            (linux?.netDevices.isEmpty == false, "/linux/netDevices", "devices that were moved in"),
            (linux?.memoryPolicy != nil, "/linux/memoryPolicy", "the memory policy of a process"),
            (actions.contains(.SCMP_ACT_NOTIFY), "/linux/seccomp", "the seccomp agent of a process"),
        ]
        for (isWanted, pointer, what) in wanted where isWanted {
            throw Failure(at: pointer, "CRIU does not restore \(what)")
        }
    }
}
