import Diagnosis
import Foundation
import OCISpec
import Testing

@testable import Cgroups

/// A directory with a cgroup's files, which takes whatever is written.
final class FakeCgroup {
    let host: CgroupHost
    let cgroup: Cgroup
    private let mount: URL

    init(_ files: [String: String], mount contents: [String: String] = [:]) throws {
        mount = FileManager.default.temporaryDirectory.appending(path: "apus-cgroups-\(UUID().uuidString)")
        let directory = mount.appending(path: "a/b")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, text) in files {
            try text.write(to: directory.appending(path: name), atomically: false, encoding: .utf8)
        }
        for (name, text) in contents {
            try text.write(to: mount.appending(path: name), atomically: false, encoding: .utf8)
        }
        host = CgroupHost(kind: .unified, unifiedMount: mount.path)
        cgroup = Cgroup(path: directory.path)
    }

    deinit { try? FileManager.default.removeItem(at: mount) }

    func write(_ settings: [Setting]) throws(Failure) { try cgroup.write(settings, on: host) }

    subscript(file: String) -> String? {
        try? String(contentsOfFile: cgroup.path + "/" + file, encoding: .utf8)
    }

    func path(_ file: String) -> String { mount.appending(path: file).path }
}

@Suite struct FakeTreeTests {
    private func setting(_ file: String, _ value: String, _ refusal: Setting.Refusal = .final) -> Setting {
        Setting(
            controller: Controller(String(file.prefix { $0 != "." })), file: file, value: value,
            origin: "/linux/resources/x", refusal: refusal)
    }

    @Test func valuesReachTheirFiles() throws {
        let fake = try FakeCgroup(["memory.max": "", "pids.max": ""])
        try fake.write([setting("memory.max", "max"), setting("pids.max", "7")])
        #expect(fake["memory.max"] == "max" && fake["pids.max"] == "7")
    }

    @Test func listsAreWrittenLineByLineAndEmptyValuesReset() throws {
        // Each write starts at the file's beginning, as in cgroupfs: the last line stays.
        let fake = try FakeCgroup(["io.max": "", "cpuset.cpus": "x"])
        try fake.write([setting("io.max", "8:0 rbps=1\n8:1 rbps=2\n"), setting("cpuset.cpus", "")])
        #expect(fake["io.max"] == "8:1 rbps=2" && fake["cpuset.cpus"] == "\n")
    }

    @Test func missingFilesAreTreatedAsTheSettingSays() throws {
        let fake = try FakeCgroup(["io.weight": ""])
        try fake.write([
            setting("memory.swap.max", "0", .redundantIfMissing),
            setting("io.bfq.weight", "100", .elsewhere(file: "io.weight", value: "910")),
        ])
        #expect(fake["io.weight"] == "910")
        let bfq = try FakeCgroup(["io.weight": "", "io.bfq.weight": ""])
        try bfq.write([setting("io.bfq.weight", "100", .elsewhere(file: "io.weight", value: "910"))])
        #expect(bfq["io.weight"] == "" && bfq["io.bfq.weight"] == "100")
    }

    @Test func controllerThatTheTreeDoesNotPassOn() throws {
        let fake = try FakeCgroup(
            [:], mount: ["cgroup.controllers": "pids", "cgroup.subtree_control": "pids"])
        let failure = #expect(throws: Failure.self) { try fake.write([setting("pids.max", "7")]) }
        #expect(failure?.origin == .config("/linux/resources/x"))
        #expect(
            failure?.reason
                == "controller \"pids\" not available: \(fake.path("a"))/cgroup.controllers does not list it")
        #expect(failure?.remedy?.contains("Delegate=yes") == true)
    }

    @Test func fileThatTheKernelDoesNotHave() throws {
        let fake = try FakeCgroup([:], mount: ["cgroup.controllers": "cpu", "cgroup.subtree_control": "cpu"])
        try "cpu".write(toFile: fake.path("a/cgroup.controllers"), atomically: false, encoding: .utf8)
        try "cpu".write(toFile: fake.path("a/cgroup.subtree_control"), atomically: false, encoding: .utf8)
        var burst = setting("cpu.max.burst", "7")
        burst.whenMissing = "cpu.max.burst needs Linux 5.14"
        let failure = #expect(throws: Failure.self) { try fake.write([burst]) }
        #expect(failure?.errno == Errno(ENOENT))
        #expect(failure?.doing == "write \"7\" to \(fake.cgroup.path)/cpu.max.burst")
        #expect(failure?.reason == "cpu.max.burst needs Linux 5.14")
    }

    @Test func laterSettingsAreNotWrittenAfterAFailure() throws {
        let fake = try FakeCgroup(["pids.max": "old"])
        #expect(throws: Failure.self) {
            try fake.write([setting("memory.max", "1"), setting("pids.max", "7")])
        }
        #expect(fake["pids.max"] == "old")
    }

    @Test func usageAboveTheLimitIsRefused() throws {
        let fake = try FakeCgroup(["memory.max": "", "memory.current": "500\n"])
        func apply(_ limit: Int64) throws(Failure) {
            var resources = Resources()
            resources.memory = .init()
            resources.memory?.limit = limit
            resources.memory?.checkBeforeUpdate = true
            var allow = Resources.DeviceRule(allow: true)
            allow.access = "rwm"
            resources.devices = [allow]
            _ = try fake.cgroup.apply(try Limits(resources), on: fake.host)
        }
        let failure = #expect(throws: Failure.self) { try apply(500) }
        #expect(failure?.origin == .config("/linux/resources/memory/limit"))
        #expect(fake["memory.max"] == "")
        try apply(501)
        #expect(fake["memory.max"] == "501")
    }

    @Test func frozenIsOneRead() throws {
        for (files, frozen) in [
            (["cgroup.freeze": "1\n"], true), (["cgroup.freeze": "0\n"], false), ([:], false),
        ] {
            let fake = try FakeCgroup(files)
            #expect(try fake.cgroup.isFrozen() == frozen)
        }
    }

    @Test func hostWithoutATree() throws {
        let host = CgroupHost(kind: .none, unifiedMount: nil)
        var resources = Resources()
        #expect(try Cgroup.create(cgroupsPath: nil, id: "c", limits: Limits(resources), on: host) == nil)
        var deny = Resources.DeviceRule(allow: false)
        deny.access = "rwm"
        resources.devices = [deny]
        let devices = #expect(throws: Failure.self) {
            try Cgroup.create(cgroupsPath: nil, id: "c", limits: Limits(resources), on: host)
        }
        #expect(devices?.origin == .config("/linux/resources/devices"))
        resources.pids = .init()
        resources.pids?.limit = 5
        let pids = #expect(throws: Failure.self) {
            try Cgroup.create(cgroupsPath: nil, id: "c", limits: Limits(resources), on: host)
        }
        #expect(pids?.origin == .config("/linux/resources/pids/limit"))
    }

    @Test func rootlessRuleOfTheContract() throws {
        let denied = Failure(doing: "mkdir", errno: Errno(EACCES))
        let none = try Limits(Resources())
        func ask(_ failure: Failure, path: String? = nil, _ limits: Limits) -> Bool {
            CgroupRequest(cgroupsPath: path, id: "c1", limits: limits).isDispensable(after: failure)
        }
        #expect(ask(denied, none) && ask(denied, path: "", none))
        #expect(!ask(denied, path: "/x", none))
        #expect(!ask(Failure("else"), none))
        #expect(!ask(Failure(doing: "mkdir", errno: Errno(ENOSPC)), none))
        var resources = Resources()
        resources.pids = .init()
        resources.pids?.limit = 5
        #expect(!ask(denied, try Limits(resources)))
    }
}
