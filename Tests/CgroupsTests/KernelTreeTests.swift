import Diagnosis
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Kernel

/// Cgroups and their processes, with the kernel.
@Suite(.serialized, .enabled(if: hasTree, "needs root and a cgroup v2 tree"))
final class KernelTreeTests: KernelTree {
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
        // Not before it is frozen: on its way there the kernel takes a fatal signal for one that can wait.
        try cgroup.freeze()
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

    @Test func parentWithProcessesStaysAsItIs() throws {
        let unified = CgroupHost(kind: .unified, unifiedMount: mount)
        let parent = try create("/busy").cgroup
        let sleeper = try sleeper(in: parent)
        func below(_ resources: Resources) throws -> CreatedCgroup? {
            try Cgroup.create(
                cgroupsPath: top + "/busy/c1", id: "c1", limits: Limits(resources), on: unified)
        }
        let created = try #require(try below(Resources()))
        #expect(try CoreFile.text(parent.path + "/cgroup.type") == "domain\n")
        #expect(try CoreFile.text(created.cgroup.path + "/cgroup.type") == "domain\n")
        if offered.contains("pids") {
            created.discard()
            var resources = Resources()
            resources.pids = .init()
            resources.pids?.limit = 7
            let limited = try #require(try below(resources)).cgroup
            #expect(try limited.apply(Limits(resources), on: unified) == [])
            #expect(try FileTree.readText(limited.path + "/pids.max") == "7")
            #expect(try CoreFile.text(limited.path + "/cgroup.type") == "threaded\n")
        }
        try parent.kill()
        try Cgroup(path: parent.path + "/c1").kill()
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
}
