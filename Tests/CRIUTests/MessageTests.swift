import Testing

@testable import CRIU

@Suite struct RequestTests {
    @Test func everyOptionIsWrittenAsCRIUReadsIt() {
        var options = Options(imagesDirectory: 5, logFile: "dump.log")
        options.pid = 4711
        options.leaveRunning = true
        options.extUnixSockets = true
        options.tcpEstablished = true
        options.evasiveDevices = true
        options.shellJob = true
        options.fileLocks = true
        options.pageServer = Options.PageServer(address: "::1", port: 27000)
        options.notifies = true
        options.root = "/b/rootfs"
        options.parentImage = "../p"
        options.trackMemory = true
        options.autoDedup = true
        options.workDirectory = 6
        options.linkRemap = true
        options.externalMounts = [
            .init(key: "/data", value: "/data"), .init(key: "/k", value: "/dev/null"),
        ]
        options.cgroupRoots = [
            .init(controllers: "", path: "/c1"), .init(controllers: "cpu,cpuacct", path: "/c2"),
        ]
        options.restoresSibling = true
        options.inherited = [.init(key: "pipe:[1]", number: 4)]
        options.cgroupMode = .strict
        options.external = ["net[1]:extRootNetNS"]
        options.emptyNamespaces = 0x4000_0000
        options.joinedNamespaces = [.init(kind: "ipc", path: "/n")]
        options.freezerCgroup = "/sys/fs/cgroup/c1"
        options.tcpSkipInFlight = true
        options.lazyPages = true
        options.orphanTerminals = true
        options.configFile = "/c.conf"
        options.lsmProfile = "apparmor:x"
        options.lsmMountContext = "ctx"
        #expect(Request(.dump, options).bytes == Golden.dump)
    }

    @Test func negativeNumbersTakeTenBytes() {
        #expect(Request(.restore, Options(imagesDirectory: -1, logFile: "l")).bytes == Golden.negative)
    }

    @Test func theOthers() {
        var check = Request(.featureCheck)
        check.features = [.lazyPages, .memoryTracking]
        #expect(check.bytes == Golden.featureCheck)
        var answer = Request(.notify)
        answer.goesOn = true
        #expect(answer.bytes == Golden.goOn)
        answer.goesOn = false
        #expect(answer.bytes == Golden.giveUp)
        #expect(Request(.version).bytes == Golden.version)
    }
}

@Suite struct ResponseTests {
    @Test func version() throws {
        let response = try Response(Golden.versionAnswer)
        #expect(response.isSuccess && response.version == Version(major: 3, minor: 17, sublevel: 1))
        #expect(response.version?.description == "3.17.1")
    }

    @Test func notification() throws {
        let response = try Response(Golden.notification)
        #expect(response.kind == Request.Kind.notify.rawValue)
        #expect(response.notification == .init(script: "post-restore", pid: 281))
    }

    @Test func failure() throws {
        let response = try Response(Golden.failure)
        #expect(!response.isSuccess && response.error == 22 && response.message == "what it was")
        #expect(try Response(Golden.negativeError).error == -52)
    }

    @Test func features() throws {
        #expect(try Response(Golden.features).features == [.memoryTracking])
    }

    @Test func restored() throws { #expect(try Response(Golden.restored).pid == 77) }

    @Test(arguments: [
        "", "0801", "1001", "ff", "08", "0a", "0a05616263", "07", "0b", "00", "2a05", "0801100130",
    ])
    func whatIsNoResponse(_ hexadecimal: String) {
        #expect(throws: MalformedMessage.self) { try Response(bytes(hexadecimal)) }
    }

    @Test func aNumberWhereAMessageBelongs() {
        #expect(throws: MalformedMessage.self) { try Response(bytes("080610012805")) }
    }

    @Test func numbersOfMoreThan64Bits() {
        #expect(throws: MalformedMessage.self) { try Response(bytes("08ffffffffffffffffff02")) }
    }

    @Test func unknownFieldsArePassedOver() throws {
        // A number, eight bytes, four bytes and a text, with numbers of their own.
        let more = bytes("a00605 a1060102030405060708 a50601020304 a2060161")
        #expect(try Response(Golden.restored + more) == Response(Golden.restored))
    }

    /// Whatever comes, it is read or refused.
    @Test func everyMutationIsReadOrRefused() {
        for golden in [Golden.versionAnswer, Golden.notification, Golden.failure, Golden.features] {
            for position in golden.indices {
                for byte in UInt8.min...UInt8.max {
                    var mutated = golden
                    mutated[position] = byte
                    _ = try? Response(mutated)
                }
                _ = try? Response(Array(golden[..<position]))
            }
        }
    }
}

@Suite struct VersionTests {
    @Test func order() {
        #expect(Version(major: 3, minor: 17, sublevel: 1) > Version(major: 3, minor: 16))
        #expect(Version(major: 2, minor: 99) < Version(major: 3, minor: 0))
        #expect(Version(major: 4, minor: 0).description == "4.0")
    }
}

@Suite struct LogTests {
    @Test func theLastErrors() {
        let log = """
            (00.1) fine
            (00.2) Error (criu/a.c:1): one
            (00.3) pie: 1: Error (criu/pie/b.c:2): two
            Error without its place
            (00.4) Error (criu/c.c:3): three
            (00.5) Error (criu/c.c:4): four
            (00.6) Error (criu/c.c:5): five
            """
        #expect(
            Log.errors(in: Array(log.utf8)) == [
                "(criu/pie/b.c:2): two", "(criu/c.c:3): three", "(criu/c.c:4): four", "(criu/c.c:5): five",
            ])
        #expect(Log.errors(in: []).isEmpty && Log.errors(in: Array("Err".utf8)).isEmpty)
    }
}
