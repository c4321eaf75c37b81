import Diagnosis
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Kernel

private let host = try? CgroupHost.detect()
private let offered = ControllerList.available(in: host?.unifiedMount ?? "")
private let hasTree = getuid() == 0 && host?.unifiedMount != nil

/// On this machine's cgroup v2 tree, in a directory of this process's own.
@Suite(.serialized, .enabled(if: hasTree, "needs root and a cgroup v2 tree"))
final class KernelTreeTests {
    let host: CgroupHost
    let mount: String
    let top = "/apus-test-\(getpid())"

    init() throws {
        host = try CgroupHost.detect()
        mount = try #require(host.unifiedMount)
    }

    deinit {
        let cgroup = Cgroup(path: mount + top)
        try? cgroup.kill()
        try? cgroup.remove()
    }

    private func create(_ path: String = "/c1", _ resources: Resources = Resources()) throws(Failure)
        -> CreatedCgroup
    {
        guard
            let created = try Cgroup.create(
                cgroupsPath: top + path, id: "c1", limits: Limits(resources), on: host)
        else { throw Failure("no tree") }
        return created
    }

    /// A shell that runs the script once it was told to.
    private func shell(_ script: String) throws -> (
        process: Foundation.Process, go: Foundation.Pipe, output: Foundation.Pipe
    ) {
        let process = Foundation.Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "read go; \(script)"]
        let (go, output) = (Foundation.Pipe(), Foundation.Pipe())
        process.standardInput = go
        process.standardOutput = output
        try process.run()
        return (process, go, output)
    }

    private func sleeper(in cgroup: Cgroup) throws -> Foundation.Process {
        let process = Foundation.Process()
        process.executableURL = URL(filePath: "/bin/sleep")
        process.arguments = ["300"]
        // The threads that tests run on block most signals, and the child inherits that.
        var none = sigset_t()
        var old = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &old)
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
        try process.run()
        try cgroup.add(pid: process.processIdentifier)
        return process
    }

    /// A parent that passes on controllers that work for domains only cannot have threaded children.
    private func makeThreaded(_ cgroup: Cgroup) throws {
        let parent = String(cgroup.path[..<(cgroup.path.lastIndex(of: "/") ?? cgroup.path.startIndex)])
        for controller in ControllerList.enabled(in: parent) {
            try FileTree.write("-\(controller)", to: parent + "/cgroup.subtree_control")
        }
        try FileTree.write("threaded", to: cgroup.path + "/cgroup.type")
    }

    @Test func createAddKillRemove() throws {
        let created = try create("/deep/c1")
        let cgroup = created.cgroup
        #expect(created.directories == [mount + top, mount + top + "/deep", cgroup.path])
        #expect(cgroup.path == mount + top + "/deep/c1")
        #expect(try cgroup.pids() == [])
        let sleeper = try sleeper(in: cgroup)
        #expect(try cgroup.pids() == [sleeper.processIdentifier])
        #expect(try Cgroup(path: mount + top).pids() == [sleeper.processIdentifier])
        try cgroup.kill()
        sleeper.waitUntilExit()
        #expect(sleeper.terminationReason == .uncaughtSignal && sleeper.terminationStatus == SIGKILL)
        try cgroup.remove()
        #expect(!FileTree.exists(cgroup.path))
        try cgroup.remove()
        #expect(try cgroup.pids() == [])
        #expect(try !cgroup.isFrozen())
        try cgroup.kill()
    }

    @Test func controllersReachTheCgroup() throws {
        let unified = CgroupHost(kind: .unified, unifiedMount: mount)
        let created = try Cgroup.create(
            cgroupsPath: top + "/a/c1", id: "c1", limits: Limits(Resources()), on: unified)
        let cgroup = try #require(created).cgroup
        #expect(Set(ControllerList.available(in: cgroup.path)) == Set(offered))
        #expect(ControllerList.enabled(in: cgroup.path) == [])
    }

    @Test func hybridHostPassesOnWhatLimitsNeed() throws {
        guard let controller = offered.first else { return }
        let hybrid = CgroupHost(kind: .hybrid, unifiedMount: mount)
        func create(_ path: String, _ resources: Resources) throws -> Cgroup {
            let limits = try Limits(resources)
            return try #require(
                try Cgroup.create(cgroupsPath: top + path, id: "c1", limits: limits, on: hybrid)
            ).cgroup
        }
        let none = try create("/free/c1", Resources())
        #expect(ControllerList.available(in: none.path) == [])
        var resources = Resources()
        resources.unified = [.init(file: "\(controller).x", value: "1")]
        let limited = try create("/limited/c1", resources)
        #expect(ControllerList.available(in: limited.path) == [controller])
        // An existing parent is caught up with.
        #expect(ControllerList.available(in: try create("/free/c2", resources).path) == [controller])
    }

    @Test func discardRemovesWhatWasMadeAndNoMore() throws {
        let first = try create("/shared/c1")
        let second = try create("/shared/c2")
        #expect(second.directories == [second.cgroup.path])
        first.discard()
        #expect(!FileTree.exists(first.cgroup.path) && FileTree.exists(second.cgroup.path))
    }

    @Test func refusesACgroupWithProcesses() throws {
        let cgroup = try create("/c1").cgroup
        let sleeper = try sleeper(in: cgroup)
        let failure = #expect(throws: Failure.self) { try create("/c1") }
        #expect(failure?.origin == .config("/linux/cgroupsPath"))
        #expect(failure?.reason == "container's cgroup is not empty: 1 process(es) found")
        // Also when they are below it.
        let outer = #expect(throws: Failure.self) { try create("") }
        #expect(outer?.reason == "container's cgroup is not empty: 1 process(es) found")
        #expect(sleeper.isRunning)
        try cgroup.kill()
        sleeper.waitUntilExit()
        #expect(try create("/c1").directories == [])
    }

    @Test func refusesAFrozenCgroupAndLeavesNothing() throws {
        let outer = try create("/outer/inner").cgroup
        try FileTree.write("1", to: mount + top + "/outer/cgroup.freeze")
        let existing = #expect(throws: Failure.self) { try create("/outer/inner") }
        #expect(existing?.reason == "container's cgroup unexpectedly frozen")
        let new = #expect(throws: Failure.self) { try create("/outer/new/c1") }
        #expect(new?.reason == "container's cgroup unexpectedly frozen")
        #expect(!FileTree.exists(mount + top + "/outer/new"))
        #expect(FileTree.exists(outer.path))
        try FileTree.write("0", to: mount + top + "/outer/cgroup.freeze")
    }

    @Test func failedChainLeavesNothing() throws {
        _ = try create("/x")
        try FileTree.write("1", to: mount + top + "/cgroup.max.descendants")
        let failure = #expect(throws: Failure.self) { try create("/y/z") }
        #expect(failure?.errno == Errno(EAGAIN))
        #expect(!FileTree.exists(mount + top + "/y"))
        try FileTree.write("2", to: mount + top + "/cgroup.max.descendants")
        #expect(throws: Failure.self) { try create("/y/z") }
        #expect(!FileTree.exists(mount + top + "/y"))
    }

    @Test func removesWhatAContainerLeftBelow() throws {
        let cgroup = try create("/c1").cgroup
        for child in ["/init.scope", "/system.slice", "/system.slice/a.service", "/system.slice/b.service"] {
            try FileTree.makeDirectory(cgroup.path + child, mode: 0o755)
        }
        let sleeper = try sleeper(in: Cgroup(path: cgroup.path + "/system.slice/a.service"))
        #expect(try cgroup.pids() == [sleeper.processIdentifier])
        try cgroup.kill()
        // Not waited for: removing does that.
        try cgroup.remove()
        #expect(!FileTree.exists(cgroup.path))
        sleeper.waitUntilExit()
    }

    @Test func signalsEveryProcessOnce() throws {
        let cgroup = try create("/c1").cgroup
        try FileTree.makeDirectory(cgroup.path + "/sub", mode: 0o755)
        let first = try sleeper(in: cgroup)
        let second = try sleeper(in: Cgroup(path: cgroup.path + "/sub"))
        try cgroup.signalAll(SIGTERM)
        first.waitUntilExit()
        second.waitUntilExit()
        #expect(first.terminationStatus == SIGTERM && second.terminationStatus == SIGTERM)
        #expect(try !cgroup.isFrozen())
    }

    @Test func signallingLeavesAPausedContainerPaused() throws {
        let cgroup = try create("/c1").cgroup
        let sleeper = try sleeper(in: cgroup)
        try FileTree.write("1", to: cgroup.path + "/cgroup.freeze")
        #expect(try cgroup.isFrozen())
        // One that does not end a process waits; one that does is not held up by cgroup v2's freezer.
        try cgroup.signalAll(SIGCONT)
        #expect(try cgroup.isFrozen() && cgroup.pids() == [sleeper.processIdentifier])
        try cgroup.signalAll(SIGTERM)
        sleeper.waitUntilExit()
        #expect(sleeper.terminationStatus == SIGTERM)
        #expect(try cgroup.isFrozen())
    }

    @Test func killsInAThreadedCgroup() throws {
        // cgroup.kill and cgroup.procs are not to be had there.
        let domain = try create("/domain").cgroup
        let threaded = try create("/domain/threaded").cgroup
        try makeThreaded(threaded)
        let sleeper = try sleeper(in: threaded)
        #expect(try threaded.pids() == [sleeper.processIdentifier])
        try threaded.kill()
        sleeper.waitUntilExit()
        #expect(sleeper.terminationStatus == SIGKILL)
        try domain.remove()
    }

    @Test func joinsAThreadedParentWithoutDomainControllers() throws {
        let threaded = try create("/domain/threaded").cgroup
        try makeThreaded(threaded)
        let below = try create("/domain/threaded/a/c1").cgroup
        #expect(try CoreFile.text(below.path + "/cgroup.type") == "threaded\n")
        let sleeper = try sleeper(in: below)
        try below.kill()
        sleeper.waitUntilExit()
        try below.remove()

        var resources = Resources()
        resources.hugepageLimits = [.init(pageSize: "2MB", limit: 0)]
        let failure = #expect(throws: Failure.self) { try create("/domain/threaded/b/c2", resources) }
        #expect(failure?.origin == .config("/linux/resources/hugepageLimits/0/limit"))
        #expect(!FileTree.exists(threaded.path + "/b"))
    }

    @Test(.enabled(if: offered.contains("hugetlb")))
    func hugetlbLimitsAreReadBack() throws {
        var resources = Resources()
        resources.hugepageLimits = [.init(pageSize: "2MB", limit: 4_194_304)]
        resources.unified = [.init(file: "cgroup.max.depth", value: "3")]
        let cgroup = try create("/c1", resources).cgroup
        #expect(try cgroup.apply(Limits(resources), on: host) == [])
        #expect(try FileTree.readText(cgroup.path + "/hugetlb.2MB.max") == "4194304")
        #expect(try FileTree.readText(cgroup.path + "/hugetlb.2MB.rsvd.max") == "4194304")
        #expect(try FileTree.readText(cgroup.path + "/cgroup.max.depth") == "3")

        resources.hugepageLimits = [.init(pageSize: "3MB", limit: 1)]
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.reason.contains("no huge pages of 3MB") == true)
        #expect(failure?.origin == .config("/linux/resources/hugepageLimits/0/limit"))
    }

    @Test(.enabled(if: !offered.contains("memory")))
    func limitWhoseControllerIsElsewhere() throws {
        var resources = Resources()
        resources.memory = .init()
        resources.memory?.limit = 1 << 30
        let cgroup = try create("/c1", resources).cgroup
        let failure = #expect(throws: Failure.self) { try cgroup.apply(Limits(resources), on: host) }
        #expect(failure?.origin == .config("/linux/resources/memory/limit"))
        #expect(failure?.reason.hasPrefix("controller \"memory\" not available: ") == true)
        if let bound = CgroupMounts(mountinfo: try HostFile.mountinfo.text()).legacy["memory"] {
            #expect(failure?.reason.hasSuffix(bound) == true)
        }
    }

    @Test func controllerKeptAwayByProcesses() throws {
        let offered = ControllerList.available(in: mount)
        guard let domain = offered.first(where: { !Controller(String($0)).isThreaded }) else { return }
        let parent = try create("/busy").cgroup
        let sleeper = try sleeper(in: parent)
        let child = try create("/busy/c1").cgroup
        let setting = Setting(
            controller: Controller(String(domain)), file: "\(domain).no-such-file", value: "1", origin: "/x")
        let failure = #expect(throws: Failure.self) { try child.write([setting], on: host) }
        #expect(failure?.errno == Errno(EBUSY))
        #expect(failure?.reason.contains("\(parent.path) has processes of its own") == true)
        try parent.kill()
        sleeper.waitUntilExit()
    }

    @Test func delegationGivesTheFilesOfTheKernelsList() throws {
        let cgroup = try create("/c1").cgroup
        try cgroup.delegate(to: 4321)
        #expect(try FileTree.status(cgroup.path).owner == 4321)
        #expect(try FileTree.status(cgroup.path).group == 0)
        for file in ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
            #expect(try FileTree.status(cgroup.path + "/" + file).owner == 4321)
        }
        #expect(try FileTree.status(cgroup.path + "/cgroup.max.depth").owner == 0)
    }

    @Test func directoryIsTheCgroups() throws {
        let cgroup = try create("/c1").cgroup
        let directory = try cgroup.directory()
        #expect(try directory.status().inode == FileTree.status(cgroup.path).inode)
        try cgroup.remove()
        #expect(throws: Failure.self) { _ = try cgroup.directory() }
    }

    // MARK: Devices

    private func deny(_ rules: (Bool, Resources.DeviceRule.Kind?, Int64?, Int64?, String)...) -> Resources {
        var resources = Resources()
        for (allow, type, major, minor, access) in rules {
            var rule = Resources.DeviceRule(allow: allow)
            rule.type = type
            rule.major = major
            rule.minor = minor
            rule.access = access
            resources.devices.append(rule)
        }
        return resources
    }

    /// What a process in the cgroup may do: one word each.
    private func probe(_ cgroup: Cgroup) throws -> [String] {
        let node = FileManager.default.temporaryDirectory.appending(path: "apus-node-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: node) }
        let (process, go, output) = try shell(
            """
            try() { word=$1; shift; if "$@" 2>/dev/null; then echo $word; fi; }
            try null-read sh -c ': </dev/null'
            try null-write sh -c 'echo >/dev/null'
            try kmsg-read sh -c ': </dev/kmsg'
            try kmsg-write sh -c 'exec 3>/dev/kmsg'
            try kmsg-both sh -c 'exec 3<>/dev/kmsg'
            try node mknod \(node) b 7 99
            """)
        try cgroup.add(pid: process.processIdentifier)
        try go.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func devicesAreGuarded() throws {
        let cgroup = try create("/c1").cgroup
        let free = try probe(cgroup)
        #expect(free == ["null-read", "null-write", "kmsg-read", "kmsg-write", "kmsg-both", "node"])

        #expect(try cgroup.apply(Limits(deny((false, nil, nil, nil, "rwm"))), on: host) == [])
        #expect(try probe(cgroup) == ["null-read", "null-write", "node"])

        // Replaced in one step: there is still a single program.
        let reading = deny((false, nil, nil, nil, "rwm"), (true, .c, 1, 11, "r"))
        #expect(try cgroup.apply(Limits(reading), on: host) == [])
        #expect(try DeviceProgram.attached(to: cgroup.directory()).count == 1)
        #expect(try probe(cgroup) == ["null-read", "null-write", "kmsg-read", "node"])

        let hole = deny((true, nil, nil, nil, "rwm"), (false, .c, 1, 11, "w"))
        #expect(try cgroup.apply(Limits(hole), on: host) == [])
        #expect(try probe(cgroup) == ["null-read", "null-write", "kmsg-read", "node"])

        #expect(try cgroup.apply(Limits(deny((true, nil, nil, nil, "rwm"))), on: host) == [])
        #expect(try DeviceProgram.attached(to: cgroup.directory()) == [])
        #expect(try probe(cgroup) == free)

        // No rules of one's own: the defaults.
        #expect(try cgroup.apply(Limits(Resources()), on: host) == [])
        #expect(try probe(cgroup) == ["null-read", "null-write", "node"])
    }

    @Test func severalOldProgramsAreTakenOff() throws {
        let cgroup = try create("/c1").cgroup
        let directory = try cgroup.directory()
        let limits = try Limits(deny((false, nil, nil, nil, "rwm")))
        // Other programs beside the first, as systemd leaves them.
        try DeviceProgram.load(limits.devices.instructions).attach(to: directory)
        try DeviceProgram.load([.move32(0, immediate: 1), .exit]).attachBeside(others: directory)
        try DeviceProgram.load([.move32(0, immediate: 0), .exit]).attachBeside(others: directory)
        #expect(try DeviceProgram.attached(to: directory).count == 3)
        #expect(try cgroup.apply(limits, on: host) == [])
        #expect(try DeviceProgram.attached(to: directory).count == 1)
        #expect(try probe(cgroup) == ["null-read", "null-write", "node"])
    }

    @Test func kernelTakesRandomLists() throws {
        var random = Seeded(state: 0xfeed)
        for count in [0, 1, 5, 40, 300, 1000] {
            var resources = Resources()
            resources.devices = (0..<count).map { _ in
                var rule = DeviceFilterTests.randomRule(&random)
                // Numbers of their own, so that no rule covers another.
                rule.major = Int64.random(in: 0...5000, using: &random)
                return rule
            }
            let program = try Limits(resources).devices.instructions
            _ = try DeviceProgram.load(program)
        }
    }

    @Test func verifierIsQuoted() {
        // Falls off the end.
        let error = #expect(throws: SystemError.self) {
            _ = try DeviceProgram.load([.move32(0, immediate: 1)])
        }
        #expect(error?.errno == Errno(EINVAL))
        #expect(error?.doing.contains("verifier: ") == true)
    }
}
