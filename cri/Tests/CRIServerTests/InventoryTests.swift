import CRIProto
import Foundation
import GRDB
import Testing

@testable import CRIServer

/// Pods and containers in a database in memory.
@Suite struct InventoryTests {
    private func makeDatabase() throws -> DatabaseQueue {
        let database = try DatabaseQueue()
        var migrator = DatabaseMigrator()
        InventorySchema.register(in: &migrator)
        try migrator.migrate(database)
        return database
    }

    private func makePod(_ id: String, name: String = "web", attempt: UInt32 = 0) throws -> Pod {
        let config = Runtime_V1_PodSandboxConfig.with {
            $0.metadata = .with {
                $0.name = name
                $0.namespace = "default"
                $0.uid = "u1"
                $0.attempt = attempt
            }
            $0.labels = ["app": name]
        }
        return Pod(
            record: PodRecord(
                id: id, createdAt: 7, handler: "apus", state: .ready, config: try config.serializedData(),
                ips: ["10.0.0.2", "fd00::2"], pausePID: nil, isTornDown: false), config: config)
    }

    private func makeContainer(_ id: String, pod: String, name: String = "c") throws -> Container {
        let config = Runtime_V1_ContainerConfig.with {
            $0.metadata = .with { $0.name = name }
            $0.labels = ["tier": "front"]
        }
        return Container(
            record: ContainerRecord(id: id, podID: pod, createdAt: 8, config: try config.serializedData()),
            config: config)
    }

    @Test func nextDaemonFindsEverything() async throws {
        let database = try makeDatabase()
        let first = try Inventory(database)
        #expect(try await first.insert(makePod("aa")) == nil)
        #expect(try await first.insert(makeContainer("cc", pod: "aa")) == nil)
        try await first.updateContainer("cc") { record in
            record.state = .running
            record.pid = 42
            record.cgroups = ["memory": "/sys/fs/cgroup/memory/x", "": "/sys/fs/cgroup/unified/x"]
        }
        let second = try Inventory(database)
        let pod = try #require(await second.pod("aa"))
        #expect(pod.status.network.ip == "10.0.0.2")
        #expect(pod.status.network.additionalIps.map(\.ip) == ["fd00::2"])
        #expect(pod.config.labels == ["app": "web"])
        let container = try #require(await second.container("cc"))
        #expect(container.record.pid == 42)
        #expect(container.record.cgroups["memory"] == "/sys/fs/cgroup/memory/x")
        #expect(container.state == .containerRunning)
        #expect(try await second.insert(makePod("bb")) == "aa", "the name is still taken")
    }

    @Test func namesAreFreeAgainAfterRemoval() async throws {
        let inventory = try Inventory(makeDatabase())
        #expect(try await inventory.insert(makePod("aa")) == nil)
        #expect(try await inventory.insert(makePod("bb")) == "aa")
        #expect(try await inventory.insert(makePod("bb", attempt: 1)) == nil)
        #expect(try await inventory.insert(makeContainer("c1", pod: "aa")) == nil)
        #expect(try await inventory.insert(makeContainer("c2", pod: "aa")) == "c1")
        #expect(try await inventory.insert(makeContainer("c2", pod: "bb")) == nil)
        try await inventory.removeContainer("c1")
        #expect(try await inventory.insert(makeContainer("c3", pod: "aa")) == nil)
        try await inventory.removeContainer("c3")
        try await inventory.removePod("aa")
        #expect(try await inventory.insert(makePod("dd")) == nil)
    }

    @Test func idsMayBeAbbreviatedAsLongAsTheyAreClear() async throws {
        let inventory = try Inventory(makeDatabase())
        #expect(try await inventory.insert(makePod("abc1")) == nil)
        #expect(try await inventory.insert(makePod("abd2", name: "other")) == nil)
        #expect(try await inventory.pod(beginning: "abc")?.id == "abc1")
        #expect(try await inventory.pod(beginning: "abc1")?.id == "abc1")
        #expect(try await inventory.pod(beginning: "x") == nil)
        #expect(try await inventory.pod(beginning: "") == nil)
        #expect(await inventory.pod("abc") == nil)
        await #expect(throws: CRIError.self) { try await inventory.pod(beginning: "ab") }
    }

    @Test func whatIsNotAnsweredForIsUnknown() async throws {
        let inventory = try Inventory(makeDatabase())
        #expect(try await inventory.insert(makePod("aa")) == nil)
        for id in ["c1", "c2"] {
            #expect(try await inventory.insert(makeContainer(id, pod: "aa", name: id)) == nil)
        }
        try await inventory.updateContainer("c1") { $0.state = .running }
        try await inventory.updateContainer("c2") { $0.state = .exited }
        await inventory.setUnanswered(true, pod: "aa")
        // Which no change of the record ends.
        try await inventory.updatePod("aa") { $0.ips = [] }
        #expect(await inventory.pod("aa")?.state == .sandboxNotready)
        #expect(await inventory.pod("aa")?.isReady == true)
        #expect(await inventory.container("c1")?.state == .containerUnknown)
        #expect(await inventory.container("c1")?.isAlive == true)
        #expect(await inventory.container("c2")?.state == .containerExited)
        await inventory.setUnanswered(false, pod: "aa")
        #expect(await inventory.pod("aa")?.state == .sandboxReady)
        #expect(await inventory.container("c1")?.state == .containerRunning)
    }

    @Test func filtersMustMatchInAll() throws {
        let pod = try makePod("aa")
        #expect(pod.matches(.init()))
        #expect(pod.matches(.with { $0.id = "a" }))
        #expect(!pod.matches(.with { $0.id = "b" }))
        #expect(pod.matches(.with { $0.state = .with { $0.state = .sandboxReady } }))
        #expect(!pod.matches(.with { $0.state = .with { $0.state = .sandboxNotready } }))
        #expect(pod.matches(.with { $0.labelSelector = ["app": "web"] }))
        #expect(!pod.matches(.with { $0.labelSelector = ["app": "web", "x": ""] }))
        let container = try makeContainer("cc", pod: "aa")
        #expect(container.matches(.with { $0.podSandboxID = "aa" }))
        #expect(!container.matches(.with { $0.podSandboxID = "ab" }))
        #expect(!container.matches(.with { $0.labelSelector = ["tier": "back"] }))
    }
}
