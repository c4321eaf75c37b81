import CRIProto

extension Container {
    /// The image as it was asked for.
    private var imageSpec: Runtime_V1_ImageSpec {
        .with {
            $0.image =
                config.image.userSpecifiedImage.isEmpty ? config.image.image : config.image.userSpecifiedImage
            $0.annotations = config.image.annotations
            $0.userSpecifiedImage = config.image.userSpecifiedImage
            $0.runtimeHandler = config.image.runtimeHandler
            $0.imageRef = record.imageReference
        }
    }

    /// What ListContainers says of it.
    var summary: Runtime_V1_Container {
        .with {
            $0.id = id
            $0.podSandboxID = record.podID
            $0.metadata = config.metadata
            $0.image = imageSpec
            $0.imageRef = record.imageReference
            $0.imageID = record.imageID
            $0.state = state
            $0.createdAt = record.createdAt
            $0.labels = config.labels
            $0.annotations = config.annotations
        }
    }

    /// What ContainerStatus says of it.
    var status: Runtime_V1_ContainerStatus {
        get throws {
            var status = try Runtime_V1_ContainerStatus(serializedBytes: record.mounts)
            status.id = id
            status.metadata = config.metadata
            status.state = state
            status.createdAt = record.createdAt
            status.startedAt = record.startedAt
            status.finishedAt = record.finishedAt
            status.exitCode = record.exitCode
            status.image = imageSpec
            status.imageRef = record.imageReference
            status.imageID = record.imageID
            status.reason = record.reason
            status.message = record.message
            status.labels = config.labels
            status.annotations = config.annotations
            status.logPath = record.logPath
            status.resources = try .with {
                $0.linux = try Runtime_V1_LinuxContainerResources(serializedBytes: record.resources)
            }
            status.user = try Runtime_V1_ContainerUser(serializedBytes: record.user)
            status.stopSignal = Runtime_V1_Signal(rawValue: record.stopSignalValue) ?? .runtimeDefault
            return status
        }
    }

    /// Whether a filter of ListContainers lets it through: all that is set must match.
    func matches(_ filter: Runtime_V1_ContainerFilter) -> Bool {
        (filter.id.isEmpty || id.hasPrefix(filter.id))
            && (!filter.hasState || filter.state.state == state)
            && (filter.podSandboxID.isEmpty || record.podID.hasPrefix(filter.podSandboxID))
            && filter.labelSelector.allSatisfy { config.labels[$0.key] == $0.value }
    }
}
