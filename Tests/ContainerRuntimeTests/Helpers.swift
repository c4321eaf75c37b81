import Cgroups
import Foundation
import Kernel
import Labels
import LaunchPlan
import OCISpec
import Testing

@testable import ContainerRuntime

/// Runs `body` with an empty directory that is gone afterwards.
func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "apus-runtime-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// A container's record with everything in it, whose init process is this very process.
func record(_ id: String = "c1", change: (inout ContainerRecord) -> Void = { _ in }) throws -> ContainerRecord
{
    var config = Config(ociVersion: "1.2.0")
    config.annotations = ["a": "1", "org.example/ü \"x\"": "two\nlines"]
    var linux = Linux()
    linux.namespaces = [Namespace(type: .pid)]
    config.linux = linux
    var hooks = Hooks()
    var hook = Hook(path: "/bin/hook")
    hook.args = ["hook", "", "a b"]
    hook.env = ["A=1"]
    hook.timeout = 5
    hooks.startContainer = [hook]
    hooks.poststart = [Hook(path: "/bin/other")]
    config.hooks = hooks
    var record = ContainerRecord(
        config: config, id: id, bundle: "/b", rootfs: "/b/rootfs", cgroup: ContainerCgroup(paths: [:]),
        rootless: false)
    record.initPID = ProcessControl.ownPID
    record.initStart = try ProcessRecord(pid: ProcessControl.ownPID).startTime
    change(&record)
    return record
}

/// A runtime with its root in `root`, whose warnings are kept.
func runtime(_ root: String, isExplicit: Bool = true, warnings: Warnings = Warnings()) -> ContainerRuntime {
    ContainerRuntime(
        RuntimeSettings(
            root: root, rootIsExplicit: isExplicit, cgroups: .cgroupfs, rootless: .auto, debug: false,
            warn: { warnings.list.append($0) }, debugLog: { _ in }))
}

final class Warnings: @unchecked Sendable {
    var list: [String] = []
}

/// The state directory of a container with this record.
@discardableResult
func save(_ record: ContainerRecord, below root: String) throws -> StateDirectory {
    let directory = StateDirectory(path: "\(root)/\(record.id)")
    try directory.make()
    try directory.save(record)
    return directory
}

/// A process that does nothing, reaped by whoever starts it.
struct Sleeper {
    let pid: Int32
    let startTime: UInt64

    init() throws {
        let null = try FileDescriptor.open("/dev/null", 2)
        let child = try Child.spawn(
            "/bin/sleep", arguments: ["sleep", "100"], environment: [], input: null.number,
            output: null.number)
        pid = child.pid
        startTime = try ProcessRecord(pid: child.pid).startTime
    }

    func end() -> Kernel.ExitStatus? {
        try? ProcessControl.signal(pid: pid, 9)
        return ProcessControl.wait(pid: pid)
    }
}

/// A plan to report about.
func plan(_ args: [String] = ["sh"], env: [String] = ["PATH=/bin"]) throws -> Plan {
    var config = Config(ociVersion: "1.3.0")
    config.root = Root(path: "rootfs")
    var process = Process(cwd: "/")
    process.args = args
    process.env = env
    config.process = process
    var linux = Linux()
    linux.namespaces = [Namespace(type: .mount)]
    config.linux = linux
    let facts = HostFacts(rootfs: "/b/rootfs", containerID: "c1", lsm: LSMHost())
    return try Compiler.compile(config, facts: facts, options: LaunchOptions(wait: .fifo))
}
