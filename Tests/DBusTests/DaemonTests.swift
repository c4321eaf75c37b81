import Diagnosis
import Foundation
import Glibc
import Kernel
import Testing

@testable import DBus

/// The reference implementation of a bus, on a socket of its own.
private final class Daemon {
    static let path = "/usr/bin/dbus-daemon"

    let directory = FileManager.default.temporaryDirectory.appending(path: "apus-dbus-\(UUID().uuidString)")
    let address: String
    private var pid: Int32 = 0
    /// Its output: closed, what it has to say later would end it.
    private let output: FileDescriptor

    /// - Parameter kind: `path` or `abstract`.
    init(_ kind: String) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        let configuration = directory.appending(path: "bus.conf")
        let socket = directory.appending(path: "a bus").path.replacing(" ", with: "%20")
        try """
        <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
         "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig>
          <listen>unix:\(kind)=\(socket)</listen>
          <auth>EXTERNAL</auth>
          <policy context="default">
            <allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>
          </policy>
        </busconfig>
        """.write(to: configuration, atomically: true, encoding: .utf8)
        // Foundation's Process waits for its end in a run loop, which a test's thread need not have.
        let pipe = try Kernel.Pipe.make()
        let child = try Child.spawn(
            Self.path,
            arguments: [Self.path, "--config-file=\(configuration.path)", "--nofork", "--print-address"],
            environment: nil, input: 0, output: pipe.writeNumber)
        pid = child.pid
        output = pipe.takeReadEnd()
        let line = try output.read(4096)
        address = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    func stop() {
        guard pid > 0 else { return }
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
        pid = 0
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(at: directory)
    }

    func connect(identity: UInt32?) throws -> Connection {
        try Connection.open(try Address.list(address), peer: .bus, identity: identity, timeout: 10_000)
    }
}

@Suite(
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: Daemon.path),
        "\(Daemon.path) is not installed: apt-get install dbus-daemon"))
struct RealDaemon {
    @Test(arguments: ["path", "abstract"], [geteuid(), nil]) func calls(_ kind: String, _ identity: UInt32?)
        throws
    {
        let daemon = try Daemon(kind)
        let connection = try daemon.connect(identity: identity)
        #expect(connection.uniqueName?.hasPrefix(":1.") == true)
        let names = try connection.call(.bus("ListNames"), timeout: 10_000).body
        guard case .array(of: .string, let list)? = names.first else {
            Issue.record("\(names)")
            return
        }
        #expect(list.contains(.string("org.freedesktop.DBus")))
        #expect(list.contains(.string(connection.uniqueName ?? "")))
        let owner = try connection.call(
            .bus("GetConnectionUnixUser", [.string(connection.uniqueName ?? "")]), timeout: 10_000)
        #expect(owner.body == [.uint32(geteuid())])
        #expect(owner.sender == "org.freedesktop.DBus")
    }

    @Test func somebodyElse() throws {
        let daemon = try Daemon("path")
        #expect(throws: DBusError.self) { try daemon.connect(identity: geteuid() + 1) }
    }

    @Test func errors() throws {
        let daemon = try Daemon("path")
        let connection = try daemon.connect(identity: geteuid())
        do throws(DBusError) {
            _ = try connection.call(.bus("NoSuchMethod"), timeout: 10_000)
            Issue.record("no error")
        } catch {
            #expect(error.name == "org.freedesktop.DBus.Error.UnknownMethod")
        }
        do throws(DBusError) {
            _ = try connection.call(.bus("GetNameOwner", [.string("a.b")]), timeout: 10_000)
            Issue.record("no error")
        } catch {
            #expect(error.name == "org.freedesktop.DBus.Error.NameHasNoOwner")
        }
    }

    @Test func signals() throws {
        let daemon = try Daemon("path")
        let listener = try daemon.connect(identity: geteuid())
        try listener.subscribe("type='signal',member='NameOwnerChanged'", timeout: 10_000)
        let other = try daemon.connect(identity: geteuid())
        let signal = try listener.signal(deadline: Kernel.Poll.now() + 10_000) {
            $0.member == "NameOwnerChanged"
        }
        #expect(signal.sender == "org.freedesktop.DBus")
        let name = other.uniqueName ?? ""
        #expect(signal.body == [.string(name), .string(""), .string(name)])
    }

    /// The daemon checks every message, and closes the connection of whoever sends a malformed one.
    @Test func arguments() throws {
        let daemon = try Daemon("path")
        let caller = try daemon.connect(identity: geteuid())
        for value in RoundTrips.values {
            // To ourselves, who do not answer.
            let call = MethodCall(
                destination: caller.uniqueName, path: "/a", interface: "a.b", member: "M", arguments: [value])
            #expect(throws: DBusError.system(SystemError("receive", Errno(ETIMEDOUT)))) {
                try caller.call(call, timeout: 20)
            }
        }
        _ = try caller.call(.bus("GetId"), timeout: 10_000)
    }

    @Test func itEnds() throws {
        let daemon = try Daemon("path")
        let connection = try daemon.connect(identity: geteuid())
        daemon.stop()
        #expect(throws: DBusError.closed) { try connection.call(.bus("GetId"), timeout: 10_000) }
        #expect(throws: DBusError.self) { try daemon.connect(identity: geteuid()) }
    }
}
