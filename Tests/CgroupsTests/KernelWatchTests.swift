import Diagnosis
import Foundation
import Testing

@testable import Cgroups
@testable import Kernel

/// The freezer and the notices of a real kernel.
@Suite(.serialized, .enabled(if: hasTree, "needs root and a cgroup v2 tree"))
final class KernelWatchTests: KernelTree {
    @Test func frozenOrNot() throws {
        let cgroup = try create().cgroup
        let sleepers = try (0..<8).map { _ in try sleeper(in: cgroup) }
        let container = ContainerCgroup(paths: ["": cgroup.path])
        let events = try WatchedFile(cgroup.file("cgroup.events"))
        for _ in 0..<20 {
            try container.freeze()
            #expect(try container.isFrozen())
            #expect(try events.value(of: "frozen") == 1)
            try container.thaw()
            #expect(try !container.isFrozen())
            #expect(try events.value(of: "frozen") == 0)
        }
        // No time at all: either all were as quick as that, or all go on.
        for _ in 0..<20 {
            do throws(Failure) {
                try cgroup.freeze(within: 0)
                let state = try? events.value(of: "frozen")
                #expect(state == 1)
                try cgroup.thaw()
            } catch {
                #expect(error.reason.contains("did not stop within 0 ms"))
                #expect(try !cgroup.isFrozen())
            }
        }
        try cgroup.kill()
        for sleeper in sleepers { sleeper.waitUntilExit() }
    }

    @Test func goneOrFrozenAbove() throws {
        let cgroup = try create("/outer/inner").cgroup
        try cgroup.freeze()
        try FileTree.write("1", to: mount + top + "/outer/cgroup.freeze")
        let failure = #expect(throws: Failure.self) { try cgroup.thaw() }
        #expect(failure?.reason.contains("above it is frozen") == true)
        try FileTree.write("0", to: mount + top + "/outer/cgroup.freeze")
        try cgroup.remove()
        try cgroup.thaw()
        let gone = #expect(throws: Failure.self) { try cgroup.freeze() }
        #expect(gone?.errno == Errno(ENOENT))
    }

    @Test func changesAreAnnounced() throws {
        let cgroup = try create().cgroup
        let events = try WatchedFile(cgroup.file("cgroup.events"))
        #expect(try events.value(of: "populated") == 0 && events.value(of: "none") == nil)
        #expect(try Poll.changed([events.number], timeout: 20) == [false])
        let sleeper = try sleeper(in: cgroup)
        #expect(try Poll.changed([events.number], timeout: 5_000) == [true])
        #expect(try events.wait(for: "populated", 1, within: 5_000))
        try cgroup.kill()
        #expect(try events.wait(for: "populated", 0, within: 5_000))
        #expect(try !events.wait(for: "populated", 1, within: 20))
        sleeper.waitUntilExit()
    }
}

private let legacyMemory = "/sys/fs/cgroup/memory"

/// cgroup v1's memory controller, where the host has it.
@Suite(
    .serialized,
    .enabled(
        if: getuid() == 0 && FileTree.exists(legacyMemory + "/memory.oom_control"),
        "needs root and the memory controller of cgroup v1"))
final class LegacyMemoryTests {
    private let directory = "\(legacyMemory)/apus-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    init() throws { try FileTree.makeDirectory(directory, mode: 0o755) }

    deinit { try? FileTree.removeDirectory(directory) }

    @Test func figures() throws {
        try FileTree.write("33554432", to: directory + "/memory.limit_in_bytes")
        let statistics = try LegacyStatistics(directories: ["memory": directory]).read()
        #expect(statistics.memory.usage.limit == 33_554_432)
        #expect(statistics.memory.raw["cache"] != nil && statistics.memory.raw["rss"] != nil)
    }

    @Test func killsAreToldOf() throws {
        try FileTree.write("16777216", to: directory + "/memory.limit_in_bytes")
        let watch = try OutOfMemoryWatch(legacyMemory: directory)
        #expect(!watch.hasHappened())
        let process = Foundation.Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "echo $$ >\(directory)/cgroup.procs; exec tail /dev/zero"]
        try process.run()
        let deadline = Poll.now() + 20_000
        var happened = false
        while !happened, Poll.now() < deadline {
            _ = try watch.wait(orReadable: [], timeout: 1000)
            happened = watch.hasHappened()
        }
        #expect(happened)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL)
        while watch.hasHappened() {}
        // The end of the cgroup is no kill.
        try Cgroup(path: directory).remove()
        #expect(!watch.hasHappened())
    }
}
