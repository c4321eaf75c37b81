import CRIProto
import Foundation
import GRDB

/// What is known of a container: as much as the daemon that comes after this one needs to carry on.
struct ContainerRecord: Codable, FetchableRecord, PersistableRecord, Sendable {
    static let databaseTableName = "containers"

    enum State: String, Codable, Sendable {
        /// CreateContainer has begun; a daemon that finds this at its start undoes it.
        case creating
        case created
        case running
        case exited
        /// RemoveContainer has begun; a daemon that finds this at its start ends it.
        case removing
    }

    /// 64 hexadecimal digits.
    let id: String
    let podID: String
    let createdAt: Int64
    var state: State
    /// ContainerConfig as it came, in protobuf's encoding.
    var config: Data
    /// The image's ID: `sha256:` and the digest of its configuration.
    var imageID: String
    /// What ContainerStatus.image_ref says: a repository digest where there is one, else the ID.
    var imageReference: String
    /// Where the log is; empty if there is none.
    var logPath: String
    /// The signal that stops it, by its number, and by that of the interface (ContainerStatus.stop_signal).
    var stopSignal: Int32
    var stopSignalValue: Int
    /// ContainerUser, in protobuf's encoding.
    var user: Data
    /// ContainerStatus.mounts: a ContainerStatus with nothing else, in protobuf's encoding.
    var mounts: Data
    /// LinuxContainerResources as they apply now, in protobuf's encoding.
    var resources: Data
    /// Images that are mounted as volumes: the snapshots that hold them.
    var imageVolumes: [String]

    var pid: Int32?
    /// The directories of its init's cgroups, as ``InitCgroups`` has them.
    var cgroups: [String: String]
    /// Nanoseconds since 1970; 0 until it happens.
    var startedAt: Int64
    var finishedAt: Int64
    var exitCode: Int32
    /// `Completed`, `Error`, `OOMKilled`, `StartError`, or another word for kubelet; empty until it has ended.
    var reason: String
    var message: String
    /// Whether the runtime's state, the cgroup and the mounts of an exited container are gone.
    var isReleased: Bool

    /// A container that is about to be made.
    init(id: String, podID: String, createdAt: Int64, config: Data) {
        self.id = id
        self.podID = podID
        self.createdAt = createdAt
        self.config = config
        state = .creating
        (imageID, imageReference, logPath, reason, message) = ("", "", "", "", "")
        (user, mounts, resources) = (Data(), Data(), Data())
        (startedAt, finishedAt, exitCode, stopSignal, stopSignalValue) = (0, 0, 0, 15, 0)
        (imageVolumes, cgroups, pid, isReleased) = ([], [:], nil, false)
    }
}

/// A record with its message decoded.
struct Container: Sendable {
    var record: ContainerRecord
    var config: Runtime_V1_ContainerConfig
    /// Whether the monitor that watches over it does not answer.
    var isUnanswered = false

    var id: String { record.id }
    var name: ContainerName { ContainerName(pod: record.podID, config.metadata) }

    init(record: ContainerRecord) throws {
        self.record = record
        config = try Runtime_V1_ContainerConfig(serializedBytes: record.config)
    }

    init(record: ContainerRecord, config: Runtime_V1_ContainerConfig) {
        self.record = record
        self.config = config
    }

    /// Whether its process may be there.
    var isAlive: Bool { record.state == .created || record.state == .running }

    /// What the interface calls its state.
    var state: Runtime_V1_ContainerState {
        switch record.state {
        case .creating: .containerUnknown
        case .created where isUnanswered, .running where isUnanswered: .containerUnknown
        case .created: .containerCreated
        case .running: .containerRunning
        case .exited, .removing: .containerExited
        }
    }
}

/// What must be unique among containers: the pod and ContainerMetadata.
struct ContainerName: Hashable, Sendable, CustomStringConvertible {
    let pod: String
    let name: String
    let attempt: UInt32

    init(pod: String, _ metadata: Runtime_V1_ContainerMetadata) {
        self.pod = pod
        name = metadata.name
        attempt = metadata.attempt
    }

    var description: String { "\(name)_\(pod)_\(attempt)" }
}
