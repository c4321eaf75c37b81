import CRIProto
import CRISpec
import Diagnosis
import Kernel

extension PodRuntime {
    /// All or nothing, as the runtime's `update` is. What a field says nothing of stays as it is.
    package func updateContainerResources(
        _ request: Runtime_V1_UpdateContainerResourcesRequest, _ context: CallContext
    ) async throws -> Runtime_V1_UpdateContainerResourcesResponse {
        if request.hasWindows { throw CRIError.invalid("/windows", "is for Windows; this is Linux") }
        let id = try await existingContainer(request.containerID).id
        try await toTheEnd { try await self.locks.withLock(id) { try await self.update(id, request.linux) } }
        return .init()
    }

    private func update(_ id: String, _ asked: Runtime_V1_LinuxContainerResources) async throws {
        let container = try await existingContainer(id)
        guard container.isAlive else {
            throw CRIError.precondition(
                "container \(id) is \(container.record.state.rawValue): resources are those of a living one")
        }
        let handler = try await handlers.named(existingPod(container.record.podID).record.handler)
        let file = "\(layout.container(id))/update-\(Identity.make().prefix(12)).json"
        defer { try? FileTree.unlink(file) }
        let compiled = try CompiledResources(asked, at: "/linux", host: host, options: settings.specification)
        for warning in compiled.warnings { log.warning("\(warning)", metadata: ["container": "\(id)"]) }
        try await blocking { try FileTree.replace(file, with: compiled.resources.json, mode: 0o600) }
        let result = try await CommandResult.of(handler.update(id, resources: file))
        guard result.status == 0 else {
            throw CRIError(.unknown, doing: "update container \(id)", result.words)
        }
        var now = try Runtime_V1_LinuxContainerResources(serializedBytes: container.record.resources)
        now.take(asked)
        let bytes = try now.serializedData()
        try await inventory.updateContainer(id) { $0.resources = bytes }
    }
}

extension Runtime_V1_LinuxContainerResources {
    /// Takes over what `other` says something of: zero and empty are the interface's "not specified".
    mutating func take(_ other: Self) {
        if other.cpuPeriod != 0 { cpuPeriod = other.cpuPeriod }
        if other.cpuQuota != 0 { cpuQuota = other.cpuQuota }
        if other.cpuShares != 0 { cpuShares = other.cpuShares }
        if other.memoryLimitInBytes != 0 { memoryLimitInBytes = other.memoryLimitInBytes }
        if other.oomScoreAdj != 0 { oomScoreAdj = other.oomScoreAdj }
        if !other.cpusetCpus.isEmpty { cpusetCpus = other.cpusetCpus }
        if !other.cpusetMems.isEmpty { cpusetMems = other.cpusetMems }
        if !other.hugepageLimits.isEmpty { hugepageLimits = other.hugepageLimits }
        unified.merge(other.unified) { _, new in new }
        if other.memorySwapLimitInBytes != 0 { memorySwapLimitInBytes = other.memorySwapLimitInBytes }
    }
}
