import DBus
import Diagnosis
import Glibc
import Kernel

/// Where a service manager is reached, and as whom.
struct SystemdBus: Equatable, Sendable {
    /// To be tried in this order.
    var buses: [Address]
    /// The manager's own socket, for where there is no bus: during the boot, or on a host that has none.
    var manager: Address?
    /// Our user ID as those there see it; `nil` if we cannot know.
    var identity: UInt32?
    var runtimeDirectory: String?

    /// The system's manager.
    static func system(uid: UInt32, isInUserNamespace: Bool, bus: String?) throws(DBusError) -> SystemdBus {
        let written = bus.flatMap { $0.isEmpty ? nil : $0 } ?? "unix:path=/run/dbus/system_bus_socket"
        return SystemdBus(
            buses: try Address.list(written), manager: Address(path: "/run/systemd/private"),
            identity: isInUserNamespace ? nil : uid, runtimeDirectory: nil)
    }

    /// A user's own manager.
    ///
    /// - Parameters:
    ///   - bus: `$DBUS_SESSION_BUS_ADDRESS`.
    ///   - runtimeDirectory: `$XDG_RUNTIME_DIR`.
    static func user(
        uid: UInt32, isInUserNamespace: Bool, bus: String?, runtimeDirectory: String?
    ) throws(DBusError) -> SystemdBus {
        // In a user namespace the number is another one than outside, where the directory has its name from.
        let directory =
            runtimeDirectory.flatMap { $0.isEmpty ? nil : $0 }
            ?? (isInUserNamespace ? nil : "/run/user/\(uid)")
        var buses: [Address] = []
        if let bus, !bus.isEmpty {
            buses = try Address.list(bus)
        } else if let directory {
            buses = [Address(path: directory + "/bus")]
        } else {
            throw .unreachable("neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set")
        }
        return SystemdBus(
            buses: buses, manager: directory.map { Address(path: $0 + "/systemd/private") },
            identity: isInUserNamespace ? nil : uid, runtimeDirectory: directory)
    }

    /// What the environment says.
    static func current(isUser: Bool) throws(DBusError) -> SystemdBus {
        let uid = ProcessControl.effectiveUID
        let isInUserNamespace = ProcessControl.isInUserNamespace
        guard isUser else {
            return try system(
                uid: uid, isInUserNamespace: isInUserNamespace,
                bus: Environment["DBUS_SYSTEM_BUS_ADDRESS"])
        }
        return try user(
            uid: uid, isInUserNamespace: isInUserNamespace,
            bus: Environment["DBUS_SESSION_BUS_ADDRESS"],
            runtimeDirectory: Environment["XDG_RUNTIME_DIR"])
    }

    /// - Parameter timeout: milliseconds.
    func connect(timeout: Int) throws(DBusError) -> Connection {
        do throws(DBusError) {
            return try Connection.open(
                buses, peer: .bus, identity: identity, runtimeDirectory: runtimeDirectory, timeout: timeout)
        } catch .unreachable(let reason) {
            guard let manager else { throw .unreachable(reason) }
            do throws(DBusError) {
                return try Connection.open([manager], peer: .service, identity: identity, timeout: timeout)
            } catch .unreachable(let other) {
                throw .unreachable("\(reason); \(other)")
            }
        }
    }

    /// Whether this host's service manager is systemd (sd_booted(3)).
    static var isBooted: Bool {
        (try? FileTree.statusOfLink("/run/systemd/system"))?.isDirectory == true
    }
}
