import Diagnosis
import Testing

@testable import OCISpec

@Suite struct ResourcesUpdateTests {
    private func resources(_ json: String) throws -> Resources { try Resources.decode(Array(json.utf8)) }

    /// Everything that resources can have.
    static let whole = """
        {"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":-1,"access":"r"}],\
        "memory":{"limit":1,"reservation":2,"swap":-1,"kernel":4,"kernelTCP":5,"swappiness":6,\
        "disableOOMKiller":true,"useHierarchy":false,"checkBeforeUpdate":true},\
        "cpu":{"shares":1,"quota":-1,"burst":3,"period":4,"realtimeRuntime":5,"realtimePeriod":6,\
        "cpus":"0-1","mems":"0","idle":0},"pids":{"limit":-1},\
        "blockIO":{"weight":10,"leafWeight":11,"weightDevice":[{"major":8,"minor":0,"weight":20,"leafWeight":30}],\
        "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}],\
        "throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":2}],\
        "throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":3}],\
        "throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":4}]},\
        "hugepageLimits":[{"pageSize":"2MB","limit":18446744073709551615}],\
        "network":{"classID":1048577,"priorities":[{"name":"eth0","priority":5}]},\
        "rdma":{"mlx":{"hcaHandles":3,"hcaObjects":4}},"unified":{"memory.high":"max","a.b":"x\\ny"}}
        """

    @Test func writtenAsRead() throws {
        #expect(String(decoding: try resources(Self.whole).json, as: UTF8.self) == Self.whole)
        #expect(Resources().json == Array("{}".utf8))
        #expect(
            try resources("{\"memory\":{},\"pids\":{},\"cpu\":{}}").json
                == Array(#"{"memory":{},"cpu":{}}"#.utf8))
    }

    @Test(arguments: [
        // What is there, what is changed, what holds then, what is written.
        ("{}", #"{"memory":{"limit":5}}"#, #"{"memory":{"limit":5}}"#, #"{"memory":{"limit":5}}"#),
        (
            #"{"memory":{"limit":5,"swap":9,"reservation":3},"pids":{"limit":7}}"#,
            #"{"memory":{"limit":6}}"#,
            #"{"memory":{"limit":6,"reservation":3,"swap":9},"pids":{"limit":7}}"#,
            #"{"memory":{"limit":6,"reservation":3,"swap":9}}"#
        ),
        // Unlimited memory takes the limit on both along.
        (
            #"{"memory":{"limit":5,"swap":9}}"#, #"{"memory":{"limit":-1}}"#, #"{"memory":{"limit":-1}}"#,
            #"{"memory":{"limit":-1}}"#
        ),
        (
            #"{"memory":{"limit":5,"swap":9}}"#, #"{"memory":{"limit":0,"swap":0,"reservation":0}}"#,
            #"{"memory":{"limit":5,"swap":0}}"#, #"{"memory":{"limit":5,"swap":0}}"#
        ),
        (
            #"{"memory":{"limit":5,"checkBeforeUpdate":true}}"#, #"{"memory":{"limit":9}}"#,
            #"{"memory":{"limit":9,"checkBeforeUpdate":true}}"#,
            #"{"memory":{"limit":9,"checkBeforeUpdate":true}}"#
        ),
        // Nothing that usage could be held against.
        (
            #"{"memory":{"limit":5,"checkBeforeUpdate":true}}"#, #"{"memory":{"limit":5,"reservation":1}}"#,
            #"{"memory":{"limit":5,"reservation":1,"checkBeforeUpdate":true}}"#,
            #"{"memory":{"limit":5,"reservation":1}}"#
        ),
        // Quota and period are one file.
        (
            #"{"cpu":{"quota":5,"period":10,"shares":3,"cpus":"0"}}"#, #"{"cpu":{"quota":7}}"#,
            #"{"cpu":{"shares":3,"quota":7,"period":10,"cpus":"0"}}"#, #"{"cpu":{"quota":7,"period":10}}"#
        ),
        (
            #"{"cpu":{"quota":5,"period":10}}"#, #"{"cpu":{"period":20,"quota":0}}"#,
            #"{"cpu":{"quota":5,"period":20}}"#, #"{"cpu":{"quota":5,"period":20}}"#
        ),
        (
            #"{"cpu":{"quota":5,"period":10}}"#,
            #"{"cpu":{"shares":20,"period":0,"quota":0,"cpus":"","mems":"1"}}"#,
            #"{"cpu":{"shares":20,"quota":5,"period":10,"mems":"1"}}"#,
            #"{"cpu":{"shares":20,"quota":0,"period":0,"mems":"1"}}"#
        ),
        (
            #"{"cpu":{"quota":5,"burst":2}}"#, #"{"cpu":{"quota":-1}}"#, #"{"cpu":{"quota":-1,"burst":2}}"#,
            #"{"cpu":{"quota":-1}}"#
        ),
        // The kernel forgets the weight of what becomes idle.
        (#"{"cpu":{"shares":20}}"#, #"{"cpu":{"idle":1}}"#, #"{"cpu":{"idle":1}}"#, #"{"cpu":{"idle":1}}"#),
        (
            #"{"cpu":{"idle":1}}"#, #"{"cpu":{"idle":0,"shares":5}}"#, #"{"cpu":{"shares":5,"idle":0}}"#,
            #"{"cpu":{"shares":5,"idle":0}}"#
        ),
        (#"{"pids":{"limit":7}}"#, #"{"pids":{}}"#, #"{"pids":{"limit":7}}"#, "{}"),
        (
            #"{"pids":{"limit":7}}"#, #"{"pids":{"limit":0}}"#, #"{"pids":{"limit":0}}"#,
            #"{"pids":{"limit":0}}"#
        ),
        (
            #"{"blockIO":{"weight":10,"weightDevice":[{"major":8,"minor":0,"weight":20,"leafWeight":30}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}]}}"#,
            #"{"blockIO":{"weight":0,"weightDevice":[{"major":8,"minor":0,"weight":21},{"major":8,"minor":1,"weight":22}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":2},{"major":9,"minor":0,"rate":3}]}}"#,
            #"{"blockIO":{"weight":10,"weightDevice":[{"major":8,"minor":0,"weight":21,"leafWeight":30},{"major":8,"minor":1,"weight":22}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":2},{"major":9,"minor":0,"rate":3}]}}"#,
            #"{"blockIO":{"weight":0,"weightDevice":[{"major":8,"minor":0,"weight":21},{"major":8,"minor":1,"weight":22}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":2},{"major":9,"minor":0,"rate":3}]}}"#
        ),
        (
            #"{"hugepageLimits":[{"pageSize":"2MB","limit":1}],"rdma":{"a":{"hcaHandles":1}},"unified":{"a.b":"1","a.c":"2"}}"#,
            #"{"hugepageLimits":[{"pageSize":"1GB","limit":2},{"pageSize":"2MB","limit":3}],"rdma":{"a":{"hcaObjects":2}},"unified":{"a.c":"3"}}"#,
            #"{"hugepageLimits":[{"pageSize":"2MB","limit":3},{"pageSize":"1GB","limit":2}],"rdma":{"a":{"hcaObjects":2}},"unified":{"a.b":"1","a.c":"3"}}"#,
            #"{"hugepageLimits":[{"pageSize":"1GB","limit":2},{"pageSize":"2MB","limit":3}],"rdma":{"a":{"hcaObjects":2}},"unified":{"a.c":"3"}}"#
        ),
        // Engines send the rules of the start along.
        (
            #"{"devices":[{"allow":false,"access":"rwm"}]}"#,
            #"{"devices":[{"allow":false,"access":"rwm"}],"pids":{"limit":1}}"#,
            #"{"devices":[{"allow":false,"access":"rwm"}],"pids":{"limit":1}}"#, #"{"pids":{"limit":1}}"#
        ),
        (
            #"{"devices":[{"allow":false,"access":"rwm"}]}"#, #"{"devices":[{"allow":true,"access":"rwm"}]}"#,
            #"{"devices":[{"allow":true,"access":"rwm"}]}"#, #"{"devices":[{"allow":true,"access":"rwm"}]}"#
        ),
        (#"{"memory":{"limit":5}}"#, "{}", #"{"memory":{"limit":5}}"#, "{}"),
    ])
    func merging(_ current: String, _ changes: String, _ merged: String, _ written: String) throws {
        let update = ResourcesUpdate(try resources(changes), of: try resources(current))
        #expect(String(decoding: update.merged.json, as: UTF8.self) == merged)
        #expect(String(decoding: update.written.json, as: UTF8.self) == written)
    }

    @Test func anUpdateFromNothingIsTheWhole() throws {
        let all = try resources(Self.whole)
        #expect(ResourcesUpdate(all, of: Resources()).merged.json.count > 900)
        #expect(ResourcesUpdate(Resources(), of: all).merged == all)
        #expect(ResourcesUpdate(Resources(), of: all).written == Resources())
    }
}
