import CKernel
import CStage

extension Compiler {
    /// Where the container's process finds the socket to tell on that it is ready (sd_notify(3)), as with runc.
    static let notifyDirectory = "/run/notify"
    static let notifyVariable = "NOTIFY_SOCKET=\(notifyDirectory)/notify.sock"

    /// A directory, and not the socket: that is made by whoever starts the container. After all mounts that
    /// are configured, one of which may be on /run.
    mutating func bindNotifyDirectory() {
        guard options.passesNotifySocket else { return }
        var attributes = MountOptions.Attributes()
        for attribute in [MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC] {
            attributes.add(UInt32(attribute))
        }
        // As a mount, for the state directory may be closed to the root of a user namespace.
        builder.step(
            Operation(
                PLAN_MOUNT_BIND, slots: (builder.slot(.notifyDirectory), -1),
                strings: (builder.string(Self.notifyDirectory), 0, 0, 0),
                numbers: (attributes.packed, 0, 0, 0)),
            .option("NOTIFY_SOCKET"), "bind the socket's directory on \(Self.notifyDirectory)")
    }
}
