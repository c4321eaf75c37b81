import Diagnosis
import Glibc
import Testing

@testable import Cgroups
@testable import DBus
@testable import Kernel

@Suite struct SystemdVersionTests {
    @Test(
        arguments: [
            ("252.39-1~deb12u2", 252), ("v245.4-1.fc32", 245), ("\"v245\"", 245), ("245~rc1", 245),
            ("239", 239),
            ("", nil), ("x", nil), ("v", nil), ("99999999999999999999", nil),
        ] as [(String, Int?)]
    ) func versions(_ pair: (String, Int?)) {
        #expect(SystemdManager.version(pair.0) == pair.1)
    }
}

@Suite struct SystemdBusTests {
    @Test func ofTheSystem() throws {
        let usual = try SystemdBus.system(uid: 0, isInUserNamespace: false, bus: nil)
        #expect(usual.buses == [Address(path: "/run/dbus/system_bus_socket")])
        #expect(usual.identity == 0)
        #expect(try SystemdBus.system(uid: 0, isInUserNamespace: false, bus: "") == usual)
        let other = try SystemdBus.system(
            uid: 0, isInUserNamespace: true, bus: "unix:path=/a;unix:abstract=b")
        #expect(other.buses.map(\.text) == ["unix:path=/a", "unix:abstract=b"])
        #expect(other.identity == nil)
        #expect(throws: DBusError.self) {
            try SystemdBus.system(uid: 0, isInUserNamespace: false, bus: "nonsense")
        }
    }

    @Test func ofAUser() throws {
        let bare = try SystemdBus.user(
            uid: 1000, isInUserNamespace: false, bus: nil, runtimeDirectory: nil)
        #expect(bare.buses == [Address(path: "/run/user/1000/bus")])
        #expect(bare.manager == Address(path: "/run/user/1000/systemd/private"))
        let named = try SystemdBus.user(
            uid: 1000, isInUserNamespace: false, bus: "unix:path=/tmp/bus", runtimeDirectory: "/run/x")
        #expect(named.buses == [Address(path: "/tmp/bus")])
        #expect(named.manager == Address(path: "/run/x/systemd/private"))
        let inside = try SystemdBus.user(
            uid: 0, isInUserNamespace: true, bus: nil, runtimeDirectory: "/run/user/1000")
        #expect(inside.buses == [Address(path: "/run/user/1000/bus")])
        #expect(inside.identity == nil)
        #expect(throws: DBusError.self) {
            try SystemdBus.user(uid: 0, isInUserNamespace: true, bus: nil, runtimeDirectory: nil)
        }
    }
}

/// A manager that has said everything before it is asked.
private final class Script {
    private let number: Int32
    let manager: SystemdManager

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        number = ends[1]
        let connection = Connection(StreamSocket(descriptor: FileDescriptor(owning: ends[0])))
        connection.uniqueName = ":1.9"
        let nowhere = Address(path: "/nonexistent/bus")
        manager = SystemdManager(
            SystemdBus(buses: [nowhere], manager: nil, identity: 0, runtimeDirectory: nil),
            connection: connection)
    }

    deinit { hangUp() }

    func hangUp() { shutdown(number, Int32(SHUT_RDWR)) }

    private func say(_ message: Message) throws {
        var message = message
        if message.sender == nil { message.sender = ":1.2" }
        let bytes = try message.encoded()
        try #require(write(number, bytes, bytes.count) == bytes.count)
    }

    func answer(_ serial: UInt32, _ body: [Value]) throws {
        var message = Message(.methodReturn, serial: 100)
        message.replySerial = serial
        message.body = body
        try say(message)
    }

    func refuse(_ serial: UInt32, _ name: String) throws {
        var message = Message(.error, serial: 100)
        message.replySerial = serial
        message.errorName = "org.freedesktop.systemd1.\(name)"
        message.body = [.string("because")]
        try say(message)
    }

    func remove(_ job: String, _ result: String, sender: String? = nil) throws {
        var message = Message(.signal, serial: 100)
        message.path = "/org/freedesktop/systemd1"
        message.interface = SystemdManager.interface
        message.member = "JobRemoved"
        message.sender = sender
        message.body = [.uint32(1), .objectPath(job), .string("c.scope"), .string(result)]
        try say(message)
    }

    /// The methods that were called.
    func called() throws -> [String] {
        var room = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(number, &room, room.count)
        var inbox = Inbox()
        inbox.append(Array(room.prefix(max(0, count))))
        var names: [String] = []
        while case .message(let message) = try inbox.takeMessage() { names.append(message.member ?? "") }
        return names
    }
}

@Suite struct SystemdManagerTests {
    @Test func starts() throws {
        let script = try Script()
        try script.answer(1, [.objectPath("/j/1")])
        try script.remove("/j/7", "failed")
        try script.remove("/j/1", "done")
        try script.manager.start("c.scope", [UnitProperty("Delegate", .boolean(true))])
        #expect(try script.called() == ["StartTransientUnit"])
    }

    /// The job may end before the answer that names it is read.
    @Test func isTooQuick() throws {
        let script = try Script()
        try script.remove("/j/1", "done")
        try script.answer(1, [.objectPath("/j/1")])
        try script.manager.start("c.scope", [])
    }

    @Test func aFailedUnitIsInTheWay() throws {
        let script = try Script()
        try script.refuse(1, "UnitExists")
        try script.answer(2, [])
        try script.answer(3, [.objectPath("/j/1")])
        try script.remove("/j/1", "done")
        try script.manager.start("c.scope", [])
        #expect(try script.called() == ["StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"])
    }

    @Test func aRunningUnitIsInTheWay() throws {
        let script = try Script()
        try script.refuse(1, "UnitExists")
        try script.refuse(2, "NoSuchUnit")
        try script.refuse(3, "UnitExists")
        let expected = DBusError.refused(name: "org.freedesktop.systemd1.UnitExists", message: "because")
        #expect(throws: expected) { try script.manager.start("c.scope", []) }
        #expect(try script.called().count == 3)
    }

    @Test(arguments: ["failed", "canceled", "timeout", "dependency", ""])
    func theJobFails(_ result: String) throws {
        let script = try Script()
        try script.answer(1, [.objectPath("/j/1")])
        try script.remove("/j/1", result)
        #expect(throws: DBusError.unexpected("systemd's job for c.scope ended with \"\(result)\"")) {
            try script.manager.start("c.scope", [])
        }
    }

    /// On a system's bus, any user may send us a signal that looks like systemd's.
    @Test func somebodyElseSaysSo() throws {
        let script = try Script()
        try script.remove("/j/1", "done", sender: ":1.66")
        try script.answer(1, [.objectPath("/j/1")])
        try script.remove("/j/1", "failed", sender: ":1.66")
        try script.remove("/j/1", "done")
        try script.manager.start("c.scope", [])
    }

    @Test func stops() throws {
        let script = try Script()
        try script.answer(1, [.objectPath("/j/1")])
        try script.remove("/j/1", "done")
        try script.refuse(2, "NoSuchUnit")
        try script.manager.stop("c.scope")
        #expect(try script.called() == ["StopUnit", "ResetFailedUnit"])
        let other = try Script()
        try other.refuse(1, "NoSuchUnit")
        try other.manager.stop("c.scope")
        #expect(try other.called() == ["StopUnit"])
    }

    @Test func oddAnswers() throws {
        for body: [Value] in [[], [.string("/j/1")], [.uint32(1)]] {
            let script = try Script()
            try script.answer(1, body)
            #expect(throws: DBusError.unexpected("StartTransientUnit answered with no job")) {
                try script.manager.start("c.scope", [])
            }
        }
        let script = try Script()
        try script.answer(1, [.variant(.string("twelve"))])
        #expect(throws: DBusError.unexpected("systemd's version is \"twelve\"")) {
            try script.manager.version()
        }
    }

    /// Whoever hangs up is called again; here nobody is there any more.
    @Test func theEnd() throws {
        let script = try Script()
        try script.answer(1, [.objectPath("/j/1")])
        script.hangUp()
        do throws(DBusError) {
            try script.manager.start("c.scope", [])
            Issue.record("started")
        } catch {
            guard case .unreachable = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func properties() throws {
        let script = try Script()
        try script.answer(1, [.variant(.string("252.39-1~deb12u2"))])
        try script.answer(2, [.variant(.string("/user.slice/user-7.slice/user@7.service"))])
        try script.answer(3, [])
        try script.answer(4, [])
        #expect(try script.manager.version() == 252)
        #expect(
            try script.manager.controlGroup() == ["user.slice", "user-7.slice", "user@7.service"])
        try script.manager.set([UnitProperty("TasksMax", .uint64(5))], of: "c.scope")
        try script.manager.attach([7], to: "c.scope")
        #expect(try script.called() == ["Get", "Get", "SetUnitProperties", "AttachProcessesToUnit"])
    }
}
