import MonitorProtocol
import Testing

@testable import PodMonitor

@Suite struct OptionsTests {
    @Test func all() throws {
        let options = try Options([
            "--cgroup", "/c/1", "--socket", "/run/m.sock", "--state", "/run", "--cgroup", "/c/2",
        ])
        #expect(options.socket == "/run/m.sock")
        #expect(options.state == "/run")
        #expect(options.cgroups == ["/c/1", "/c/2"])
    }

    @Test(arguments: [
        ([], "--socket is missing"),
        (["--socket", "/s"], "--state is missing"),
        (["--socket"], "--socket needs a value"),
        (["--socket", "s"], "--socket: \"s\" is no absolute path"),
        (["--verbose"], "unknown argument \"--verbose\""),
    ])
    func whatIsRefused(_ words: [String], _ text: String) {
        #expect(throws: MonitorFailure(.invalid, text)) { try Options(words) }
    }

    /// Before anything is made.
    @Test func preparationsThatDoNotGoTogether() {
        var preparation = Preparation()
        preparation.hostName = "a"
        #expect(throws: MonitorFailure.self) { try NamespaceMaker(preparation) }
        preparation.pins = [.init(.uts, at: "/a")]
        #expect(throws: Never.self) { try NamespaceMaker(preparation) }
        preparation.pins.append(.init(.uts, at: "/b"))
        #expect(throws: MonitorFailure(.invalid, "pins: the uts namespace is there twice")) {
            try NamespaceMaker(preparation)
        }
        preparation.pins = [.init(.user, at: "/a"), .init(.uts, at: "/b")]
        #expect(throws: MonitorFailure.self) { try NamespaceMaker(preparation) }
        preparation.uidMap = [.init(inside: 0, outside: 1, count: 1)]
        preparation.gidMap = preparation.uidMap
        #expect(throws: Never.self) { try NamespaceMaker(preparation) }
        preparation.settings = [.init("kernel.hostname", "x")]
        #expect(throws: MonitorFailure.self) { try NamespaceMaker(preparation) }
    }
}
