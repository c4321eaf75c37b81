import CRIProto
import Foundation
import Testing

@testable import CRIServer
@testable import Cgroups

@Suite struct ContainerPartsTests {
    @Test func processOfAnExecIsTheContainersWithAnotherCommand() throws {
        let config = #"""
            {"ociVersion":"1.2.0","process":{"terminal":true,"consoleSize":{"height":1,"width":2},"cwd":"/w",
            "args":["sleep","1"],"env":["A=/b"],"user":{"uid":5,"gid":6},"noNewPrivileges":true}}
            """#
        let made = try ProcessJSON.make(["/bin/echo", "x"], from: Array(config.utf8))
        let process = try #require(try JSONSerialization.jsonObject(with: Data(made)) as? [String: Any])
        #expect(process["args"] as? [String] == ["/bin/echo", "x"])
        #expect(process["terminal"] as? Bool == false)
        #expect(process["consoleSize"] == nil)
        #expect(process["cwd"] as? String == "/w")
        #expect(process["env"] as? [String] == ["A=/b"])
        #expect(process["noNewPrivileges"] as? Bool == true)
        #expect(throws: (any Error).self) { try ProcessJSON.make(["x"], from: Array("{}".utf8)) }
    }

    @Test func whatAnUpdateDoesNotNameStays() {
        var now = Runtime_V1_LinuxContainerResources.with {
            $0.cpuShares = 512
            $0.memoryLimitInBytes = 1 << 20
            $0.unified = ["a": "1", "b": "2"]
        }
        now.take(
            .with {
                $0.cpuQuota = 5000
                $0.memoryLimitInBytes = 2 << 20
                $0.unified = ["b": "3"]
            })
        #expect(now.cpuShares == 512)
        #expect(now.cpuQuota == 5000)
        #expect(now.memoryLimitInBytes == 2 << 20)
        #expect(now.unified == ["a": "1", "b": "3"])
    }

    @Test func cgroupsOfAProcessByController() throws {
        let host = CgroupHost(kind: .unified, unifiedMount: "/sys/fs/cgroup")
        #expect(
            InitCgroups.directories(lines: "0::/kubepods/c1\n", on: host) == [
                "": "/sys/fs/cgroup/kubepods/c1"
            ])
        #expect(InitCgroups.directories(lines: "0::/\n", on: host) == ["": "/sys/fs/cgroup"])
        #expect(InitCgroups.directories(lines: "", on: host).isEmpty)
    }

    @Test func idsAreOfTheFormThatEnginesUse() {
        let ids = (0..<100).map { _ in Identity.make() }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { $0.utf8.count == 64 && $0.allSatisfy(\.isHexDigit) })
    }
}
