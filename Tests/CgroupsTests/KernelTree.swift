import Diagnosis
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Kernel

private let detected = try? CgroupHost.detect()

/// The controllers of this host's cgroup v2 tree.
let offered = ControllerList.available(in: detected?.unifiedMount ?? "")
let hasTree = getuid() == 0 && detected?.unifiedMount != nil

/// A place of a test's own in this host's cgroup v2 tree, gone with the test.
class KernelTree {
    let host: CgroupHost
    let mount: String
    let top = "/apus-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    init() throws {
        host = try CgroupHost.detect()
        mount = try #require(host.unifiedMount)
    }

    deinit {
        let cgroup = Cgroup(path: mount + top)
        try? cgroup.kill()
        try? cgroup.remove()
    }

    func create(_ path: String = "/c1", _ resources: Resources = Resources()) throws(Failure)
        -> CreatedCgroup
    {
        guard
            let created = try Cgroup.create(
                cgroupsPath: top + path, id: "c1", limits: Limits(resources), on: host)
        else { throw Failure("no tree") }
        return created
    }

    func sleeper(in cgroup: Cgroup) throws -> Foundation.Process {
        let process = try startSleeper()
        try cgroup.add(pid: process.processIdentifier)
        return process
    }

    /// A parent that passes on controllers that work for domains only cannot have threaded children.
    func makeThreaded(_ cgroup: Cgroup) throws {
        let parent = String(cgroup.path[..<(cgroup.path.lastIndex(of: "/") ?? cgroup.path.startIndex)])
        for controller in ControllerList.enabled(in: parent) {
            try FileTree.write("-\(controller)", to: parent + "/cgroup.subtree_control")
        }
        try FileTree.write("threaded", to: cgroup.path + "/cgroup.type")
    }
}

/// A process that does nothing for a long time, and can be signalled.
func startSleeper() throws -> Foundation.Process {
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
    return process
}
