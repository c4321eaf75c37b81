import CRIProto

extension Pod {
    /// One whose monitor does not answer may be well, but nothing can be done in it.
    var state: Runtime_V1_PodSandboxState { isReady && !isUnanswered ? .sandboxReady : .sandboxNotready }

    /// What ListPodSandbox says of it.
    var summary: Runtime_V1_PodSandbox {
        .with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = state
            $0.createdAt = record.createdAt
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.runtimeHandler = record.handler
        }
    }

    /// What PodSandboxStatus says of it. The addresses stay known after the pod has stopped, as kubelet logs them.
    var status: Runtime_V1_PodSandboxStatus {
        .with {
            $0.id = id
            $0.metadata = config.metadata
            $0.state = state
            $0.createdAt = record.createdAt
            $0.network = .with { network in
                network.ip = record.ips.first ?? ""
                network.additionalIps = record.ips.dropFirst().map { ip in .with { $0.ip = ip } }
            }
            $0.linux = .with { $0.namespaces = .with { $0.options = namespaces } }
            $0.labels = config.labels
            $0.annotations = config.annotations
            $0.runtimeHandler = record.handler
        }
    }

    /// Whether a filter of ListPodSandbox lets it through: all that is set must match.
    func matches(_ filter: Runtime_V1_PodSandboxFilter) -> Bool {
        (filter.id.isEmpty || id.hasPrefix(filter.id))
            && (!filter.hasState || filter.state.state == state)
            && filter.labelSelector.allSatisfy { config.labels[$0.key] == $0.value }
    }
}
