import Diagnosis
import Testing

@testable import ContainerRuntime

@Suite struct ProcessTableTests {
    private static let output = """
        UID          PID    PPID CMD
        root           1       0 /sbin/init PID 12
        root          12       1 sleep

        root         121      12 sleep 12
        """

    @Test func onlyTheContainers() throws {
        #expect(
            try ProcessTable.lines(of: [12, 7], in: Self.output)
                == "UID          PID    PPID CMD\nroot          12       1 sleep\n")
        #expect(try ProcessTable.lines(of: [], in: "  PID\n    1\n") == "  PID\n")
    }

    @Test(arguments: ["", "UID CMD\nroot sh\n", "pid\n1\n", "PIDS\n1\n"])
    func noColumn(_ output: String) {
        let failure = #expect(throws: Failure.self) { try ProcessTable.lines(of: [1], in: output) }
        #expect(failure?.reason == "couldn't find PID field in ps output")
    }

    @Test(arguments: ["CMD PID\nsh\n", "PID CMD\nx sh\n", "PID\n99999999999\n"])
    func noNumber(_ output: String) {
        let failure = #expect(throws: Failure.self) { try ProcessTable.lines(of: [1], in: output) }
        #expect(failure?.reason.hasPrefix("unable to parse pid") == true)
    }

    @Test func theHostsOwn() throws {
        #expect(try ProcessTable.output(["-o", "pid", "-p", "1"]).split(separator: "\n").count == 2)
        let failure = #expect(throws: Failure.self) { try ProcessTable.output(["--no-such-option"]) }
        #expect(failure?.reason.hasPrefix("exit status 1: ") == true)
        #expect(HostProgram.find("no-such-program") == nil)
    }
}
