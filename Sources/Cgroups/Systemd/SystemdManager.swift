import DBus
import Diagnosis
import Glibc
import Kernel

/// A systemd service manager, spoken to over D-Bus (org.freedesktop.systemd1(5)).
final class SystemdManager {
    private let bus: SystemdBus
    private var connection: Connection?

    /// Milliseconds that a call, or a job, may take.
    static let patience = 30_000

    /// - Parameter connection: to begin with; `nil` is one that is made for the first call.
    init(_ bus: SystemdBus, connection: Connection? = nil) {
        self.bus = bus
        self.connection = connection
    }

    // MARK: what it knows

    /// Its release: 252 of `252.39-1~deb12u2`.
    func version() throws(DBusError) -> Int {
        let text = try property("Version")
        guard let version = Self.version(text) else {
            throw .unexpected("systemd's version is \"\(text)\"")
        }
        return version
    }

    /// As in `v245.4-1.fc32`, `"245"` or `245~rc1`.
    static func version(_ text: String) -> Int? {
        let digits = text.drop { $0 == "v" || $0 == "\"" }.prefix { ("0"..."9").contains($0) }
        return Int(digits)
    }

    /// The directories of its own cgroup; none for the system's manager.
    func controlGroup() throws(DBusError) -> [String] { CgroupPath.cleaned(try property("ControlGroup")) }

    private func property(_ name: String) throws(DBusError) -> String {
        let answer = try call(
            "Get", [.string(Self.interface), .string(name)], interface: "org.freedesktop.DBus.Properties")
        guard let text = answer.body.first?.unwrapped.text else {
            throw .unexpected("\(name) is not a text")
        }
        return text
    }

    // MARK: what it does

    /// Makes and starts a unit, and waits until it is there.
    ///
    /// A unit of the same name that failed is in the way until it is reset: that is done, once.
    func start(_ unit: String, _ properties: [UnitProperty]) throws(DBusError) {
        let arguments: [Value] = [
            .string(unit), .string("replace"), UnitProperty.list(properties),
            .array(of: .structure([.string, .array(.structure([.string, .variant]))]), []),
        ]
        do throws(DBusError) {
            try run("StartTransientUnit", arguments, unit: unit)
        } catch  where error.name == "org.freedesktop.systemd1.UnitExists" {
            resetFailed(unit)
            try run("StartTransientUnit", arguments, unit: unit)
        }
    }

    /// Stops a unit and waits until it is gone. Nothing happens if there is none.
    func stop(_ unit: String) throws(DBusError) {
        do throws(DBusError) {
            try run("StopUnit", [.string(unit), .string("replace")], unit: unit)
        } catch  where error.name == "org.freedesktop.systemd1.NoSuchUnit" {
            return
        }
        // A failed unit stays until somebody has taken notice.
        resetFailed(unit)
    }

    func resetFailed(_ unit: String) {
        // It need not have failed, and may be gone.
        _ = try? call("ResetFailedUnit", [.string(unit)])
    }

    /// SIGKILL for all of the unit's processes, which a stop would wait for.
    func kill(_ unit: String) {
        _ = try? call("KillUnit", [.string(unit), .string("all"), .int32(SIGKILL)])
    }

    /// Changes a running unit, until it ends.
    func set(_ properties: [UnitProperty], of unit: String) throws(DBusError) {
        _ = try call("SetUnitProperties", [.string(unit), .boolean(true), UnitProperty.list(properties)])
    }

    /// Moves processes into the unit's cgroup, or one below it.
    func attach(_ pids: [Int32], to unit: String, below path: String = "/") throws(DBusError) {
        let list = pids.map { Value.uint32(UInt32(bitPattern: $0)) }
        _ = try call("AttachProcessesToUnit", [.string(unit), .string(path), .array(of: .uint32, list)])
    }

    // MARK: jobs

    /// Calls a method that answers with a job, and waits for the job's end.
    private func run(_ member: String, _ arguments: [Value], unit: String) throws(DBusError) {
        let deadline = Poll.now() + Self.patience
        let answer = try call(member, arguments)
        guard case .objectPath(let job)? = answer.body.first else {
            throw .unexpected("\(member) answered with no job")
        }
        let result: String
        do throws(DBusError) {
            result = try end(of: job, sender: answer.sender, deadline: deadline)
        } catch .closed {
            // Who comes back cannot know what was signalled meanwhile.
            connection = nil
            return try awaitState(of: unit, starting: member != "StopUnit", deadline: deadline)
        }
        guard result == "done" else {
            throw .unexpected("systemd's job for \(unit) ended with \"\(result)\"")
        }
    }

    /// What systemd says of a job when it removes it: `done`, `failed`, `canceled` and so on.
    ///
    /// - Parameter sender: who answered. Anybody may send such a signal on a system's bus; the bus says who did.
    ///   Without a bus there is nobody else.
    private func end(of job: String, sender: String?, deadline: Int) throws(DBusError) -> String {
        guard let connection else { throw .closed }
        let signal = try connection.signal(deadline: deadline) { signal in
            signal.member == "JobRemoved" && signal.interface == Self.interface
                && (connection.uniqueName == nil || signal.sender == sender)
                && signal.body.count == 4 && signal.body[1] == .objectPath(job)
        }
        return signal.body[3].text ?? ""
    }

    private func awaitState(of unit: String, starting: Bool, deadline: Int) throws(DBusError) {
        while Poll.now() < deadline {
            switch try state(of: unit) {
            case "active" where starting: return
            case "inactive" where !starting, "failed" where !starting: return
            case "inactive", "failed": throw .unexpected("\(unit) did not start")
            default: ProcessControl.sleep(milliseconds: 20)
            }
        }
        throw .system(SystemError("wait for \(unit)", Errno(ETIMEDOUT)))
    }

    /// Its ActiveState; one that is not there is inactive.
    private func state(of unit: String) throws(DBusError) -> String {
        do throws(DBusError) {
            let answer = try call("GetUnit", [.string(unit)])
            guard case .objectPath(let path)? = answer.body.first else {
                throw .unexpected("GetUnit answered with no unit")
            }
            let state = try call(
                "Get", [.string("org.freedesktop.systemd1.Unit"), .string("ActiveState")],
                interface: "org.freedesktop.DBus.Properties", path: path)
            return state.body.first?.unwrapped.text ?? ""
        } catch  where Self.isAbsence(error) {
            return "inactive"
        }
    }

    private static func isAbsence(_ error: DBusError) -> Bool {
        error.name == "org.freedesktop.systemd1.NoSuchUnit"
            || error.name == "org.freedesktop.DBus.Error.UnknownObject"
    }

    // MARK: calls

    static let interface = "org.freedesktop.systemd1.Manager"

    private func call(
        _ member: String, _ arguments: [Value], interface: String = SystemdManager.interface,
        path: String = "/org/freedesktop/systemd1"
    ) throws(DBusError) -> Message {
        let isOld = connection != nil
        do throws(DBusError) {
            return try callOnce(member, arguments, interface, path)
        } catch .closed where isOld {
            // The bus was restarted since the last call.
            connection = nil
            return try callOnce(member, arguments, interface, path)
        }
    }

    private func callOnce(
        _ member: String, _ arguments: [Value], _ interface: String, _ path: String
    ) throws(DBusError) -> Message {
        let connection = try current()
        let call = MethodCall(
            destination: connection.uniqueName == nil ? nil : "org.freedesktop.systemd1", path: path,
            interface: interface, member: member, arguments: arguments)
        return try connection.call(call, timeout: Self.patience)
    }

    private func current() throws(DBusError) -> Connection {
        if let connection { return connection }
        let connection = try bus.connect(timeout: Self.patience)
        // Who started a job hears of its end anyway; this is for managers that tell those only who ask.
        try connection.subscribe(
            "type='signal',sender='org.freedesktop.systemd1',interface='\(Self.interface)',member='JobRemoved'",
            timeout: Self.patience)
        self.connection = connection
        return connection
    }
}
