import CRIProto
import Diagnosis
import OCISpec

/// What a request came to.
package struct CompiledContainer: Sendable {
    /// config.json (runtime-spec 1.1): the same input gives the same bytes.
    package var json: [UInt8]
    package var config: Config
    /// As `ContainerStatus.user` has it.
    package var user: ResolvedUser
    package var stopSignal: StopSignal
    /// As `ContainerStatus.mounts` has them: as they were asked for.
    package var mounts: [Runtime_V1_Mount]
    package var labels: [String: String]
    package var annotations: [String: String]
    /// Absolute; nil where the output is not kept.
    package var logPath: String?
    package var hasTerminal: Bool
    package var hasInput: Bool
    package var closesInputAfterFirst: Bool
    /// What the daemon labels anew before the container is created.
    package var relabels: [Relabel]
    /// What was asked for and is not, each with the field's pointer: for the log.
    package var warnings: [String]
}

/// Identities of the container's first process, in its user namespace.
package struct ResolvedUser: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// The primary group first, then the others in ascending order.
    package var supplementalGroups: [UInt32]

    init(_ user: User) {
        uid = user.uid
        gid = user.gid
        supplementalGroups = user.additionalGids
    }

    package init(uid: UInt32, gid: UInt32, supplementalGroups: [UInt32]) {
        self.uid = uid
        self.gid = gid
        self.supplementalGroups = supplementalGroups
    }

    /// The message of ContainerStatus.
    package var message: Runtime_V1_ContainerUser {
        var linux = Runtime_V1_LinuxContainerUser()
        linux.uid = Int64(uid)
        linux.gid = Int64(gid)
        linux.supplementalGroups = supplementalGroups.map(Int64.init)
        var message = Runtime_V1_ContainerUser()
        message.linux = linux
        return message
    }
}

/// A tree on the host that is to have the container's SELinux context (`selinux_relabel`).
package struct Relabel: Equatable, Sendable {
    package var path: String
    package var context: String
    /// The mount that asked for it.
    package var pointer: Pointer
}
