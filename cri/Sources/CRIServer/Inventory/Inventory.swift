import CRIProto
import Foundation
import GRDB

/// All pods and containers: in memory, and in the database, which is written first.
actor Inventory {
    private let database: any DatabaseWriter
    private var pods: [String: Pod] = [:]
    private var containers: [String: Container] = [:]
    private var podNames: [PodName: String] = [:]
    private var containerNames: [ContainerName: String] = [:]

    /// Reads what an earlier daemon wrote.
    init(_ database: any DatabaseWriter) throws {
        self.database = database
        let (podRecords, containerRecords) = try database.read { database in
            (try PodRecord.fetchAll(database), try ContainerRecord.fetchAll(database))
        }
        for record in podRecords {
            let pod = try Pod(record: record)
            pods[pod.id] = pod
            podNames[pod.name] = pod.id
        }
        for record in containerRecords {
            let container = try Container(record: record)
            containers[container.id] = container
            containerNames[container.name] = container.id
        }
    }

    // MARK: Looking

    var allPods: [Pod] { Array(pods.values) }
    var allContainers: [Container] { Array(containers.values) }

    func containers(of pod: String) -> [Container] { containers.values.filter { $0.record.podID == pod } }

    /// The pod with this ID.
    func pod(_ id: String) -> Pod? { pods[id] }

    /// The container with this ID.
    func container(_ id: String) -> Container? { containers[id] }

    /// The pod with this ID, or the only one whose ID begins so (as crictl's users type it).
    ///
    /// - Throws: `invalidArgument` if several do.
    func pod(beginning prefix: String) throws(CRIError) -> Pod? {
        if let pod = pods[prefix] { return pod }
        return try Self.only(prefix, among: pods, "pod sandboxes")
    }

    /// The container with this ID, or the only one whose ID begins so.
    ///
    /// - Throws: `invalidArgument` if several do.
    func container(beginning prefix: String) throws(CRIError) -> Container? {
        if let container = containers[prefix] { return container }
        return try Self.only(prefix, among: containers, "containers")
    }

    private static func only<Value>(
        _ prefix: String, among values: [String: Value], _ kind: String
    ) throws(CRIError) -> Value? {
        guard !prefix.isEmpty else { return nil }
        let found = values.filter { $0.key.hasPrefix(prefix) }
        guard found.count <= 1 else {
            throw CRIError(
                .invalidArgument, "the IDs of \(found.count) \(kind) begin with \"\(prefix)\"",
                remedy: "give more of the ID")
        }
        return found.values.first
    }

    /// Notes whether a pod's monitor can be spoken to: of one that cannot nobody knows what lives in it.
    func setUnanswered(_ isUnanswered: Bool, pod id: String) {
        pods[id]?.isUnanswered = isUnanswered
        for (container, value) in containers where value.record.podID == id {
            containers[container]?.isUnanswered = isUnanswered
        }
    }

    // MARK: Writing

    /// Takes a new pod in, unless its name is taken: then the ID of who has it.
    func insert(_ pod: Pod) throws -> String? {
        if let holder = podNames[pod.name] { return holder }
        try database.write { try pod.record.insert($0) }
        pods[pod.id] = pod
        podNames[pod.name] = pod.id
        return nil
    }

    /// Takes a new container in, unless its name is taken: then the ID of who has it.
    func insert(_ container: Container) throws -> String? {
        if let holder = containerNames[container.name] { return holder }
        try database.write { try container.record.insert($0) }
        containers[container.id] = container
        containerNames[container.name] = container.id
        return nil
    }

    /// Changes a pod's record; the pod as it then is, nil if there is none.
    @discardableResult
    func updatePod(_ id: String, _ change: @Sendable (inout PodRecord) -> Void) throws -> Pod? {
        guard var pod = pods[id] else { return nil }
        change(&pod.record)
        let record = pod.record
        try database.write { try record.update($0) }
        pods[id] = pod
        return pod
    }

    /// Changes what a pod was asked to be.
    func configurePod(_ id: String, _ change: @Sendable (inout Runtime_V1_PodSandboxConfig) -> Void) throws {
        guard var pod = pods[id] else { return }
        change(&pod.config)
        pod.record.config = try pod.config.serializedData()
        let record = pod.record
        try database.write { try record.update($0) }
        pods[id] = pod
    }

    /// Changes a container's record; the container as it then is, nil if there is none.
    @discardableResult
    func updateContainer(_ id: String, _ change: @Sendable (inout ContainerRecord) -> Void) throws
        -> Container?
    {
        guard var container = containers[id] else { return nil }
        change(&container.record)
        let record = container.record
        try database.write { try record.update($0) }
        containers[id] = container
        return container
    }

    func removePod(_ id: String) throws {
        guard let pod = pods[id] else { return }
        _ = try database.write { try PodRecord.deleteOne($0, key: id) }
        pods[id] = nil
        if podNames[pod.name] == id { podNames[pod.name] = nil }
    }

    func removeContainer(_ id: String) throws {
        guard let container = containers[id] else { return }
        _ = try database.write { try ContainerRecord.deleteOne($0, key: id) }
        containers[id] = nil
        if containerNames[container.name] == id { containerNames[container.name] = nil }
    }
}
