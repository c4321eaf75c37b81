import CRIProto
import Foundation
import GRDB

/// What is known of a pod sandbox: as much as the daemon that comes after this one needs to carry on.
struct PodRecord: Codable, FetchableRecord, PersistableRecord, Sendable {
    static let databaseTableName = "pods"

    /// Where a pod is in its life. The interface knows two states: `ready`, and everything else.
    enum State: String, Codable, Sendable {
        /// RunPodSandbox has begun; a daemon that finds this at its start undoes it.
        case creating
        case ready
        /// Stopped, or found without its monitor. What is left of it waits for RemovePodSandbox.
        case notReady
        /// RemovePodSandbox has begun; a daemon that finds this at its start ends it.
        case removing
    }

    /// 64 hexadecimal digits.
    let id: String
    let createdAt: Int64
    /// The runtime handler's name, as resolved: never empty.
    let handler: String
    var state: State
    /// PodSandboxConfig as it came, in protobuf's encoding.
    var config: Data
    /// The addresses that CNI gave, the primary one first; as JSON text.
    var ips: [String]
    /// The process that is PID 1 of a shared pid namespace.
    var pausePID: Int32?
    /// Whether StopPodSandbox has undone network and mounts.
    var isTornDown: Bool
}

/// A record with its message decoded.
struct Pod: Sendable {
    var record: PodRecord
    var config: Runtime_V1_PodSandboxConfig
    /// Whether its monitor does not answer.
    var isUnanswered = false

    var id: String { record.id }
    var name: PodName { PodName(config.metadata) }

    init(record: PodRecord) throws {
        self.record = record
        config = try Runtime_V1_PodSandboxConfig(serializedBytes: record.config)
    }

    init(record: PodRecord, config: Runtime_V1_PodSandboxConfig) {
        self.record = record
        self.config = config
    }

    var namespaces: Runtime_V1_NamespaceOption { config.linux.securityContext.namespaceOptions }
    var isReady: Bool { record.state == .ready }
}

/// What must be unique among pods: PodSandboxMetadata.
struct PodName: Hashable, Sendable, CustomStringConvertible {
    let name: String
    let namespace: String
    let uid: String
    let attempt: UInt32

    init(_ metadata: Runtime_V1_PodSandboxMetadata) {
        name = metadata.name
        namespace = metadata.namespace
        uid = metadata.uid
        attempt = metadata.attempt
    }

    var description: String { "\(name)_\(namespace)_\(uid)_\(attempt)" }
}
