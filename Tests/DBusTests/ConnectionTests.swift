import Diagnosis
import Glibc
import Testing

@testable import DBus
@testable import Kernel

/// The other end of a connection. All that it says is said before it is asked.
private struct Other {
    let number: Int32

    /// A connection to this end, past the authentication.
    static func connect() throws -> (Connection, Other) {
        var ends: [Int32] = [-1, -1]
        try #require(
            socketpair(
                AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        let socket = StreamSocket(descriptor: FileDescriptor(owning: ends[0]))
        return (Connection(socket), Other(number: ends[1]))
    }

    func say(_ bytes: [UInt8]) throws { try #require(write(number, bytes, bytes.count) == bytes.count) }

    func say(_ text: String) throws { try say(Array(text.utf8)) }

    func say(_ message: Message) throws { try say(try message.encoded()) }

    func heard() -> [UInt8] {
        var room = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(number, &room, room.count)
        return Array(room.prefix(max(0, count)))
    }

    func hangUp() { close(number) }

    static func reply(to serial: UInt32, _ body: [Value] = []) -> Message {
        var message = Message(.methodReturn, serial: 100 + serial)
        message.replySerial = serial
        message.body = body
        return message
    }

    static func signal(_ member: String) -> Message {
        var message = Message(.signal, serial: 50)
        message.path = "/a"
        message.interface = "a.b"
        message.member = member
        return message
    }
}

private let call = MethodCall(destination: "a.b", path: "/a", interface: "a.b", member: "M")

@Suite struct Conversations {
    @Test func callAndAnswer() throws {
        let (connection, other) = try Other.connect()
        defer { other.hangUp() }
        // To another call, from the past or the future.
        try other.say(Other.reply(to: 7, [.string("not this")]))
        try other.say(Other.reply(to: 1, [.string("this")]))
        #expect(try connection.call(call, timeout: 1000).body == [.string("this")])
        #expect(try Message.decode(other.heard()) == call.message(serial: 1))
    }

    @Test func refusal() throws {
        let (connection, other) = try Other.connect()
        defer { other.hangUp() }
        var message = Other.reply(to: 1, [.string("Unit a.scope already exists.")])
        message.kind = .error
        message.errorName = "org.freedesktop.systemd1.UnitExists"
        try other.say(message)
        let expected = DBusError.refused(
            name: "org.freedesktop.systemd1.UnitExists", message: "Unit a.scope already exists.")
        #expect(throws: expected) { try connection.call(call, timeout: 1000) }
        #expect("\(expected)" == "Unit a.scope already exists. (org.freedesktop.systemd1.UnitExists)")
    }

    /// A signal may come before the answer that says what to wait for.
    @Test func signalsAreKept() throws {
        let (connection, other) = try Other.connect()
        defer { other.hangUp() }
        for name in ["A", "B", "C"] { try other.say(Other.signal(name)) }
        try other.say(Other.reply(to: 1))
        try other.say(Other.signal("D"))
        _ = try connection.call(call, timeout: 1000)
        let deadline = Poll.now() + 1000
        #expect(try connection.signal(deadline: deadline) { $0.member == "B" }.member == "B")
        #expect(try connection.signal(deadline: deadline) { $0.member != "C" }.member == "D")
        let timeout = DBusError.system(SystemError("receive", Errno(ETIMEDOUT)))
        #expect(throws: timeout) { try connection.signal(deadline: Poll.now() + 10) { _ in true } }
    }

    @Test func noAnswer() throws {
        let (connection, other) = try Other.connect()
        defer { other.hangUp() }
        let start = Poll.now()
        let timeout = DBusError.system(SystemError("receive", Errno(ETIMEDOUT)))
        #expect(throws: timeout) { try connection.call(call, timeout: 50) }
        #expect(Poll.now() - start >= 50)
    }

    /// Nor does it help to say a little now and then.
    @Test func halfAnAnswer() throws {
        let (connection, other) = try Other.connect()
        defer { other.hangUp() }
        try other.say(Array(try Other.reply(to: 1).encoded().dropLast()))
        #expect(throws: DBusError.self) { try connection.call(call, timeout: 20) }
    }

    @Test func theEnd() throws {
        let (connection, other) = try Other.connect()
        try other.say(Array(try Other.reply(to: 1).encoded().prefix(20)))
        other.hangUp()
        #expect(throws: DBusError.closed) { try connection.call(call, timeout: 1000) }
        #expect(throws: DBusError.closed) { try connection.call(call, timeout: 1000) }
    }

    @Test func tooLong() throws {
        let (connection, other) = try Other.connect()
        defer { other.hangUp() }
        try other.say([0x6c, 2, 0, 1, 0, 0, 0, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0])
        #expect(throws: DBusError.malformed("it is 2130706448 bytes long")) {
            try connection.call(call, timeout: 1000)
        }
    }

    /// An end that does not read: what is sent has a time limit too.
    @Test func nobodyReads() throws {
        let (connection, other) = try Other.connect()
        defer { other.hangUp() }
        let large = MethodCall(
            destination: nil, path: "/a", interface: "a.b", member: "M",
            arguments: [.bytes([UInt8](repeating: 1, count: 3 << 20))])
        let timeout = DBusError.system(SystemError("send", Errno(ETIMEDOUT)))
        #expect(throws: timeout) { try connection.call(large, timeout: 50) }
    }

    @Test func nobodyThere() throws {
        let addresses = try Address.list("unix:path=/nonexistent/bus;tcp:host=a;unix:abstract=apus-nobody")
        do throws(DBusError) {
            _ = try Connection.open(addresses, peer: .bus, identity: 0, timeout: 100)
            Issue.record("connected")
        } catch {
            #expect(
                "\(error)"
                    == "D-Bus: cannot connect: connect to /nonexistent/bus: no such file or directory (ENOENT); "
                    + "tcp:host=a: only unix sockets are supported; "
                    + "connect to @apus-nobody: connection refused (ECONNREFUSED)")
        }
        let long = Address(path: "/" + String(repeating: "x", count: 200))
        #expect(throws: DBusError.self) { try Connection.open([long], peer: .bus, identity: 0, timeout: 100) }
    }
}

@Suite struct Introductions {
    @Test func asAUser() throws {
        var authentication = Authentication(.user(1000))
        #expect(authentication.opening == [0] + Array("AUTH EXTERNAL 31303030\r\nBEGIN\r\n".utf8))
        #expect(try authentication.isContent("OK 1234"))
    }

    @Test func asWhoeverWeAre() throws {
        var authentication = Authentication(.whoeverWeAre)
        #expect(authentication.opening == [0] + Array("AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".utf8))
        #expect(try !authentication.isContent("DATA"))
        // It was answered once.
        #expect(throws: DBusError.self) { try authentication.isContent("DATA") }
        #expect(try authentication.isContent("OK 1234"))
    }

    @Test(arguments: ["REJECTED EXTERNAL DBUS_COOKIE_SHA1", "ERROR \"what\"", "", "OKAY", "DATA 30"])
    func refusals(_ line: String) {
        var authentication = Authentication(.user(0))
        #expect(throws: DBusError.self) { try authentication.isContent(line) }
    }

    @Test func aLineWithoutEnd() throws {
        var inbox = Inbox()
        inbox.append([UInt8](repeating: 0x41, count: 4096))
        #expect(try inbox.takeLine() == nil)
        inbox.append([0x41])
        #expect(throws: DBusError.self) { try inbox.takeLine() }
    }
}
