import Diagnosis
import Glibc
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

/// The status is found out, not stored; these records tell of processes of the test's own.
@Suite struct StatusTests {
    private func status(hasFIFO: Bool = false, _ change: (inout ContainerRecord) -> Void) throws
        -> State.Status
    {
        try withTemporaryDirectory { root in
            let record = try record(change: change)
            let directory = try save(record, below: root)
            if hasFIFO {
                try FileTree.makeFIFO(directory.fifoPath, mode: 0o600)
            }
            #expect(try runtime(root).state("c1").status == record.status(in: directory))
            return try record.status(in: directory)
        }
    }

    @Test func derivation() throws {
        #expect(try status { $0.initPID = 0 } == .creating)
        #expect(try status { $0.initPID = -1 } == .creating)
        #expect(try status { _ in } == .running)
        #expect(try status(hasFIFO: true) { _ in } == .created)
        // The pid is somebody else's by now.
        #expect(try status { $0.initStart += 1 } == .stopped)
        #expect(try status(hasFIFO: true) { $0.initStart -= 1 } == .stopped)
        #expect(try status { $0.initPID = .max } == .stopped)
    }

    @Test func zombies() throws {
        let sleeper = try Sleeper()
        let mine = try record {
            $0.initPID = sleeper.pid
            $0.initStart = sleeper.startTime
        }
        #expect(mine.isInitAlive())
        let pidfd = try ProcessControl.open(pid: sleeper.pid)
        try ProcessControl.signal(pidfd, SIGKILL)
        #expect(try Poll.readable([pidfd.number], timeout: 10_000) == [true])
        // Ended, and nobody has asked how.
        #expect(!mine.isInitAlive())
        if try mine.openInit() != nil { Issue.record("a handle of a process that has ended") }
        #expect(sleeper.end() == .killed(signal: SIGKILL))
        #expect(!mine.isInitAlive())
    }

    @Test func handles() throws {
        if try record().openInit() == nil { Issue.record("no handle of a living process") }
        for change in [
            { $0.initStart += 1 }, { $0.initPID = .max }, { $0.initPID = 0 }, { $0.initPID = -1 },
        ] as [(inout ContainerRecord) -> Void] {
            if try record(change: change).openInit() != nil { Issue.record("a handle of somebody else") }
        }
    }

    @Test func states() throws {
        let record = try record()
        let running = record.state(.running)
        #expect(running.pid == getpid() && running.status == .running && running.ociVersion == "1.2.0")
        #expect(running.bundle == "/b" && running.rootfs == "/b/rootfs" && running.annotations.count == 2)
        #expect(record.state(.stopped).pid == 0)
    }

    @Test func listing() throws {
        try withTemporaryDirectory { root in
            let list = runtime(root)
            #expect(try list.list().states.isEmpty)
            try save(try record("b"), below: root)
            try save(try record("a") { $0.initStart += 1 }, below: root)
            try FileTree.makeDirectory(root + "/damaged", mode: 0o700)
            try FileTree.replace(root + "/file", with: [], mode: 0o600)
            let (states, failures) = try list.list()
            #expect(states.map(\.id) == ["a", "b"])
            #expect(states.map(\.status) == [.stopped, .running])
            var users = UserNames()
            #expect(states.first?.owner == users.name(of: getuid()))
            #expect(failures.map(\.id) == ["damaged"])
            #expect(try runtime(root + "/none", isExplicit: false).list().states.isEmpty)
            let failure = #expect(throws: Failure.self) { _ = try runtime(root + "/none").list() }
            #expect(failure?.origin == .option("--root") && failure?.errno == Errno(ENOENT))
        }
    }

    @Test func users() {
        var users = UserNames()
        for _ in 0..<2 {
            #expect(users.name(of: 0) == "root")
            #expect(users.name(of: 4_000_000_000) == "4000000000")
        }
    }
}

/// Verbs on containers whose process is not one of a container's: no privilege is needed for these.
@Suite struct VerbTests {
    private func text(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func notRunning() throws {
        try withTemporaryDirectory { root in
            try save(try record("stopped") { $0.initStart += 1 }, below: root)
            try save(try record("creating") { $0.initPID = 0 }, below: root)
            try save(try record("running"), below: root)
            let runtime = runtime(root)
            #expect(text { try runtime.start("stopped") } == "cannot start a container that has stopped")
            #expect(
                text { try runtime.start("creating") }
                    == "cannot start a container that is still being created")
            #expect(text { try runtime.start("running") } == "cannot start an already running container")
            #expect(text { try runtime.kill("stopped", signal: 9, all: false) } == "container not running")
            #expect(text { try runtime.kill("creating", signal: 9, all: false) } == "container not running")
            #expect(text { try runtime.kill("stopped", signal: 9, all: true) } == nil)
            #expect(text { try runtime.kill("none", signal: 9, all: true) } == "container does not exist")
            for id in ["stopped", "creating"] {
                #expect(text { try runtime.pause(id) } == "container not running")
                #expect(text { try runtime.resume(id) } == "container not paused")
                #expect(text { try runtime.update(id, Resources()) } == "container not running")
                #expect(
                    text { _ = try runtime.statistics(id) } == "container with id \(id) is not running")
                #expect(try runtime.processes(id) == [])
            }
            #expect(text { try runtime.resume("running") } == "container not paused")
            #expect(text { try runtime.update("running", Resources()) } == nil)
            #expect(
                text { try runtime.delete("running", force: false) }
                    == "cannot delete container running that is not stopped: running")
            #expect(text { try runtime.delete("none", force: false) } == "container does not exist")
            #expect(text { try runtime.delete("none", force: true) } == nil)
        }
    }

    @Test func kill() throws {
        try withTemporaryDirectory { root in
            let sleeper = try Sleeper()
            try save(
                try record {
                    $0.initPID = sleeper.pid
                    $0.initStart = sleeper.startTime
                }, below: root)
            let runtime = runtime(root)
            #expect(text { try runtime.kill("c1", signal: 0, all: false) } == nil)
            #expect(
                text { try runtime.kill("c1", signal: 1000, all: false) }?.hasPrefix("SIGNAL: ") == true)
            #expect(try runtime.state("c1").status == .running)
            try runtime.kill("c1", signal: SIGTERM, all: false)
            #expect(ProcessControl.wait(pid: sleeper.pid) == .killed(signal: SIGTERM))
            #expect(try runtime.state("c1").status == .stopped)
        }
    }

    /// Poststop hooks run when all is gone, and learn of a stopped container.
    @Test func delete() throws {
        try withTemporaryDirectory { root in
            let warnings = Warnings()
            let runtime = runtime(root + "/state", warnings: warnings)
            var hook = Hook(path: "/bin/sh")
            hook.args = ["sh", "-c", "ls \(root)/state > \(root)/left; cat > \(root)/seen"]
            hook.env = ["PATH=/usr/bin:/bin"]
            var failing = Hook(path: "/bin/sh")
            failing.args = ["sh", "-c", "echo so it is; exit 3"]
            let sleeper = try Sleeper()
            try save(
                try record {
                    $0.initPID = sleeper.pid
                    $0.initStart = sleeper.startTime
                    $0.poststopHooks = [hook, failing]
                }, below: root + "/state")
            try runtime.delete("c1", force: true)
            #expect(ProcessControl.wait(pid: sleeper.pid) == .killed(signal: SIGKILL))
            #expect(try FileTree.read(root + "/left") == [])
            let seen = try FileTree.readText(root + "/seen")
            #expect(seen.contains(#""status":"stopped""#) && !seen.contains("\"pid\""))
            #expect(
                warnings.list
                    == ["/hooks/poststop/1: run /bin/sh: exit status 3, output: so it is"])
        }
    }

    /// What a create that was killed leaves is no container, and in nobody's way.
    @Test func leftOvers() throws {
        try withTemporaryDirectory { root in
            try FileTree.makeDirectory(root + "/half", mode: 0o711)
            let runtime = runtime(root)
            #expect(text { try runtime.delete("half", force: true) } == nil)
            #expect(try FileTree.list(root) == [])
        }
    }
}
