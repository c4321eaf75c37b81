import Testing

@testable import DBus

@Suite struct Addresses {
    private func socket(_ text: String, runtimeDirectory: String? = nil) throws -> String {
        let address = try #require(try Address.list(text).first)
        return try address.socket(runtimeDirectory: runtimeDirectory).description
    }

    @Test(
        arguments: [
            ("unix:path=/run/dbus/system_bus_socket", "/run/dbus/system_bus_socket"),
            ("unix:path=/tmp/a%20b%2c%25,guid=0123", "/tmp/a b,%"),
            ("unix:guid=0123,path=/x", "/x"),
            ("unix:abstract=/tmp/dbus-x,guid=1", "@/tmp/dbus-x"),
            ("unix:runtime=yes", "/run/user/7/bus"),
            ("unix:path=/a=b", "/a=b"),
        ]
    ) func valid(_ pair: (String, String)) throws {
        #expect(try socket(pair.0, runtimeDirectory: "/run/user/7") == pair.1)
    }

    @Test func severalInTheirOrder() throws {
        let list = try Address.list("tcp:host=localhost,port=1;unix:path=/a;;unix:path=/b;")
        #expect(list.map(\.text) == ["tcp:host=localhost,port=1", "unix:path=/a", "unix:path=/b"])
    }

    @Test(
        arguments: [
            "", ";", "unix", ":path=/a", "unix:path", "unix:=a", "unix:path=%", "unix:path=%4",
            "unix:path=%zz",
            "unix:path=/a,path=/b",
        ]
    ) func malformed(_ text: String) {
        #expect(throws: DBusError.self) { try Address.list(text) }
    }

    @Test(
        arguments: [
            "tcp:host=localhost,port=1", "unix:", "unix:path=/a,abstract=b", "unix:tmpdir=/tmp",
            "unix:runtime=no",
            "unix:path=%00", "unix:path=%ff", "unix:path=", "unix:runtime=yes", "unixexec:path=/bin/sh",
        ]
    ) func notToBeReached(_ text: String) throws {
        let address = try #require(try Address.list(text).first)
        #expect(throws: DBusError.self) { try address.socket(runtimeDirectory: nil) }
    }

    @Test func ofAPath() throws {
        let address = Address(path: "/run/user/1000/a b,%;\u{1}")
        #expect(address.text == "unix:path=/run/user/1000/a%20b%2c%25%3b%01")
        #expect(try Address.list(address.text) == [address])
        #expect(try socket(address.text) == "/run/user/1000/a b,%;\u{1}")
    }
}
