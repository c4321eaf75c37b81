import CKernel
import Diagnosis
import Foundation
import Glibc
import Testing

@testable import Kernel

@Suite struct ProcessRecordTests {
    /// proc(5)'s fields from the third on; the twenty-second is the start time.
    private func line(_ name: String, state: String = "S", start: String = "987654321") -> [UInt8] {
        let middle = (4...21).map { _ in "0" }.joined(separator: " ")
        return Array("42 (\(name)) \(state) \(middle) \(start) 0 0\n".utf8)
    }

    /// A process may call itself anything of fifteen bytes.
    @Test(arguments: ["sh", "a b c", ")", "(", ") Z 0 0 0", "))((", "a) S 1 (b", "\n", "ü)", ""])
    func names(_ name: String) throws {
        let record = try #require(ProcessRecord(text: line(name)))
        #expect(record.state == "S")
        #expect(record.startTime == 987_654_321)
        #expect(!record.isDead)
    }

    @Test func namesThatAreNotText() throws {
        let text = line("?").map { $0 == UInt8(ascii: "?") ? 0xff : $0 }
        #expect(ProcessRecord(text: text)?.startTime == 987_654_321)
    }

    @Test(arguments: [("R", false), ("S", false), ("D", false), ("T", false), ("Z", true), ("X", true)])
    func states(_ state: String, _ isDead: Bool) throws {
        let record = try #require(ProcessRecord(text: line("x", state: state)))
        #expect(record.state == Character(state))
        #expect(record.isDead == isDead)
    }

    @Test func damage() {
        let good = line("x")
        #expect(ProcessRecord(text: []) == nil)
        #expect(ProcessRecord(text: Array("42 (x".utf8)) == nil)
        #expect(ProcessRecord(text: Array("42 (x)".utf8)) == nil)
        #expect(ProcessRecord(text: line("x", start: "-1")) == nil)
        #expect(ProcessRecord(text: line("x", start: "18446744073709551616")) == nil)
        #expect(ProcessRecord(text: line("x", start: "18446744073709551615"))?.startTime == .max)
        for length in 0..<good.count { _ = ProcessRecord(text: Array(good[..<length])) }
    }

    @Test func realOnes() throws {
        let own = try ProcessRecord(pid: getpid())
        #expect(own.startTime > 0)
        #expect(try ProcessRecord(pid: getpid()).startTime == own.startTime)
        for pid in [Int32.max, -1, 0] {
            #expect(throws: SystemError("open /proc/\(pid)/stat", Errno(ENOENT))) {
                _ = try ProcessRecord(pid: pid)
            }
        }
    }

    @Test func zombies() throws {
        let null = try FileDescriptor.open("/dev/null", O_RDWR)
        let child = try Child.spawn(
            "/bin/true", arguments: ["true"], environment: [], input: null.number, output: null.number)
        #expect(try Poll.readable([child.pidfd.number], timeout: 10_000) == [true])
        #expect(try ProcessRecord(pid: child.pid).isDead)
        #expect(ProcessControl.wait(pid: child.pid) == .exited(0))
        #expect(ProcessControl.wait(pid: child.pid) == nil)
    }
}

@Suite struct SpawnTests {
    /// What a program printed, and how it ended.
    private func run(
        _ path: String, _ arguments: [String], environment: [String]? = [], input: String = "",
        apart: Bool = false
    ) throws -> (output: String, status: Kernel.ExitStatus?) {
        let output = try Pipe.make()
        let file = try MemoryFile.readable("input", Array(input.utf8))
        let child = try Child.spawn(
            path, arguments: arguments, environment: environment, input: file.number,
            output: output.writeNumber, apart: apart)
        let text = try output.takeReadEnd().readAll()
        return (String(decoding: text, as: UTF8.self), ProcessControl.wait(pid: child.pid))
    }

    @Test func argumentsAndStatus() throws {
        let (output, status) = try run(
            "/bin/sh", ["name", "-c", "echo \"$0|$1|$2|\"; echo err >&2; exit 3", "a b", "", "ü"])
        #expect(output == "a b||ü|\nerr\n")
        #expect(status == .exited(3))
        #expect(try run("/bin/sh", ["sh", "-c", "kill -TERM $$"]).status == .killed(signal: SIGTERM))
    }

    /// By its group it can be killed with what it started.
    @Test func apart() throws {
        // Open without O_CLOEXEC, as a careless library has it.
        let careless = open("/dev/null", O_RDONLY)
        defer { close(careless) }
        let script = "cut -d' ' -f1,5 /proc/$$/stat; test -e /proc/$$/fd/\(careless)"
        let inside = try run("/bin/sh", ["sh", "-c", script])
        #expect(inside.status == .exited(0))
        #expect(inside.output.split { $0 == " " || $0 == "\n" }.last == "\(getpgrp())")
        let apart = try run("/bin/sh", ["sh", "-c", script], apart: true)
        #expect(apart.status == .exited(1))
        let numbers = apart.output.split { $0 == " " || $0 == "\n" }
        #expect(numbers.count == 2 && numbers[0] == numbers[1])
    }

    @Test func environment() throws {
        #expect(try run("/usr/bin/env", ["env"], environment: []).output == "")
        #expect(
            try run("/usr/bin/env", ["env"], environment: ["A=1", "B=x y", "A=2"]).output.contains("B=x y\n"))
        setenv("APUS_KERNEL_TEST", "inherited", 1)
        let inherited = try run("/usr/bin/env", ["env"], environment: nil).output
        #expect(inherited.contains("APUS_KERNEL_TEST=inherited\n"))
        #expect(Environment["APUS_KERNEL_TEST"] == "inherited")
        #expect(Environment["APUS_KERNEL_TEST_NOT"] == nil)
    }

    @Test func input() throws {
        let text = String(repeating: "state\n", count: 50_000)
        #expect(try run("/bin/cat", ["cat"], input: text).output == text)
    }

    @Test func failures() throws {
        #expect(throws: SystemError("exec /nowhere/x", Errno(ENOENT))) { _ = try run("/nowhere/x", ["x"]) }
        #expect(throws: SystemError("exec /etc/passwd", Errno(EACCES))) { _ = try run("/etc/passwd", ["x"]) }
    }

    /// What this process ignores or blocks is nothing to the program.
    @Test func signals() throws {
        signal(SIGUSR2, SIG_IGN)
        var blocked = sigset_t()
        var before = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGUSR1)
        pthread_sigmask(SIG_BLOCK, &blocked, &before)
        let (output, _) = try run("/bin/grep", ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"])
        pthread_sigmask(SIG_SETMASK, &before, nil)
        signal(SIGUSR2, SIG_DFL)
        let masks = output.split(separator: "\n").map { UInt64($0.dropFirst(8), radix: 16) }
        // glibc's posix_spawn(3) lets every program ignore its own two internal signals, 32 and 33.
        #expect(masks.map { $0.map { $0 & ~0x1_8000_0000 } } == [0, 0], "\(output)")
    }

    @Test func launch() throws {
        let nothing = try FileDescriptor.open("/etc/passwd", O_RDONLY)
        let failed = try Child.launch(LaunchRequest(executable: nothing.number, arguments: ["x"]))
        // Known at once.
        #expect(Child.lastExecError == Errno(EACCES))
        #expect(ProcessControl.wait(pid: failed.pid) == .exited(126))

        let program = try FileDescriptor.open("/bin/sh", O_RDONLY)
        let output = try Pipe.make()
        let kept = try MemoryFile.readable("kept", Array("kept".utf8))
        let number = fcntl(kept.number, F_DUPFD_CLOEXEC, 900)
        defer { close(number) }
        // The shell cannot name a descriptor of three digits; cat can.
        var request = LaunchRequest(
            executable: program.number,
            arguments: ["sh", "-c", "/bin/cat /proc/self/fd/\(number); echo \" $A\"; exit 5"])
        request.keep = [number]
        request.stdio = StandardReplacements(output: output.writeNumber, error: output.writeNumber)
        let child = try Child.launch(request)
        let text = try output.takeReadEnd().readAll()
        #expect(String(decoding: text, as: UTF8.self) == "kept \n")
        #expect(ProcessControl.wait(pid: child.pid) == .exited(5))
        #expect(Child.lastExecError == nil)

        var tooMuch = LaunchRequest(executable: program.number, arguments: [])
        tooMuch.keep = [Int32](repeating: 0, count: 161)
        let refused = SystemError("hand 161 descriptors to the stage", Errno(EMFILE))
        #expect(throws: refused) { _ = try Child.launch(tooMuch) }

        try checkUserNamespaces()
    }
}

@Suite struct ProcessControlTests {
    @Test func closeOnExec() throws {
        let null = try FileDescriptor.open("/dev/null", O_RDONLY)
        let below = fcntl(null.number, F_DUPFD, 950)
        let above = fcntl(null.number, F_DUPFD, 960)
        defer {
            close(below)
            close(above)
        }
        try ProcessControl.closeOnExec(from: 955)
        #expect(fcntl(below, F_GETFD) == 0)
        #expect(fcntl(above, F_GETFD) == FD_CLOEXEC)
        #expect(isOpen(above))
    }

    @Test func signals() throws {
        let null = try FileDescriptor.open("/dev/null", O_RDWR)
        let child = try Child.spawn(
            "/bin/sleep", arguments: ["sleep", "60"], environment: [], input: null.number,
            output: null.number)
        let pid = child.pid
        let pidfd = try ProcessControl.open(pid: pid)
        #expect(try Poll.readable([pidfd.number], timeout: 0) == [false])
        try ProcessControl.signal(pidfd, SIGKILL)
        #expect(try Poll.readable([pidfd.number], timeout: 10_000) == [true])
        #expect(ProcessControl.wait(pid: pid) == .killed(signal: SIGKILL))
        #expect(throws: SystemError("send signal 9", Errno(ESRCH))) {
            try ProcessControl.signal(pidfd, SIGKILL)
        }
        #expect(throws: SystemError("send signal 0 to \(pid)", Errno(ESRCH))) {
            try ProcessControl.signal(pid: pid, 0)
        }
        #expect(throws: SystemError("pidfd_open 0", Errno(EINVAL))) { _ = try ProcessControl.open(pid: 0) }
    }

    @Test func shellStatus() {
        #expect(ExitStatus.exited(7).shellStatus == 7)
        #expect(ExitStatus.killed(signal: 9).shellStatus == 137)
    }

    @Test func limits() throws {
        let null = try FileDescriptor.open("/dev/null", O_RDWR)
        let output = try Pipe.make()
        let child = try Child.spawn(
            "/bin/sh", arguments: ["sh", "-c", "read line; ulimit -n"], environment: [],
            input: null.number, output: output.writeNumber)
        _ = ProcessControl.wait(pid: child.pid)
        #expect(throws: SystemError("set RLIMIT_NOFILE to 10:5", Errno(EINVAL))) {
            try ProcessControl.setLimit(pid: 0, resource: 7, name: "RLIMIT_NOFILE", soft: 10, hard: 5)
        }
    }

    @Test func itself() throws {
        #expect(ProcessControl.ownPID == getpid())
        #expect(ProcessControl.effectiveUID == geteuid())
        let status = try FileTree.readText("/proc/self/status")
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapPrm:") })
        #expect(
            UInt64(line.dropFirst("CapPrm:\t".count), radix: 16) == ProcessControl.permittedCapabilities)
    }

    /// In a thread of its own, because that one blocks every signal for good.
    @Test func signalQueue() {
        let received = Received()
        let done = DispatchSemaphore(value: 0)
        Thread {
            defer { done.signal() }
            guard let queue = try? SignalQueue() else { return }
            for signal in [SIGUSR1, SIGTERM] {
                pthread_kill(pthread_self(), signal)
                if let next = try? queue.next() { received.signals.append(next) }
            }
        }.start()
        done.wait()
        #expect(received.signals == [SIGUSR1, SIGTERM])
    }

    /// Written by one thread, and read by another after it.
    private final class Received: @unchecked Sendable {
        var signals: [Int32] = []
    }
}
