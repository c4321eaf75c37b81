import CRIProto
import CRISpec
import Diagnosis
import Glibc
import Kernel

extension PodRuntime {
    /// All or nothing, as the runtime's `update` is. What a field says nothing of stays as it is.
    package func updateContainerResources(
        _ request: Runtime_V1_UpdateContainerResourcesRequest, _ context: CallContext
    ) async throws -> Runtime_V1_UpdateContainerResourcesResponse {
        if request.hasWindows { throw CRIError.invalid("/windows", "is for Windows; this is Linux") }
        if let name = request.annotations.keys.min() {
            throw CRIError(
                .unimplemented,
                Failure(
                    at: Pointer("/annotations").key(name),
                    "no runtime's `update` takes annotations: it would have no effect"))
        }
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
        let score = try await changedScore(of: container, asked.oomScoreAdj)
        for warning in compiled.warnings + [score?.warning].compactMap({ $0 }) {
            log.warning("\(warning)", metadata: ["container": "\(id)"])
        }
        try await blocking { try FileTree.replace(file, with: compiled.resources.json, mode: 0o600) }
        // Before the rest, for it can be taken back.
        try score?.file.set(score?.value)
        do {
            let result = try await CommandResult.of(handler.update(id, resources: file))
            guard result.status == 0 else {
                throw CRIError(.unknown, doing: "update container \(id)", result.words)
            }
        } catch {
            try? score?.file.set(score?.file.before)
            throw error
        }
        var now = try Runtime_V1_LinuxContainerResources(serializedBytes: container.record.resources)
        now.take(asked)
        let bytes = try now.serializedData()
        try await inventory.updateContainer(id) { $0.resources = bytes }
    }
}

extension PodRuntime {
    /// A new `oom_score_adj` of a container's init, if there is to be one: kubelet computes it anew when it resizes a
    /// pod. Runtimes' `update` knows nothing of it. Processes that live already keep theirs, as they do when a shell
    /// changes its own.
    private func changedScore(
        of container: Container, _ asked: Int64
    ) async throws -> (file: ScoreFile, value: Int, warning: String?)? {
        let now = try Runtime_V1_LinuxContainerResources(serializedBytes: container.record.resources)
        guard asked != 0, asked != now.oomScoreAdj, let pid = container.record.pid else { return nil }
        let (value, warning) = try CompiledResources.oomScore(
            asked, at: "/linux/oom_score_adj", host: host, options: settings.specification)
        let file = try ScoreFile(pid)
        // The file stays that process's, whoever gets its number next.
        guard try await monitors.isAlive(container.id, pid: pid, in: container.record.podID) else {
            throw CRIError.precondition("container \(container.id) has just ended")
        }
        return (file, value, warning)
    }
}

/// `oom_score_adj` of a process (proc_pid_oom_score_adj(5)).
private final class ScoreFile: Sendable {
    private let file: FileDescriptor
    /// What it was.
    let before: Int?

    init(_ pid: Int32) throws(SystemError) {
        file = try FileDescriptor.open("/proc/\(pid)/oom_score_adj", O_RDWR)
        before = Int(
            String(decoding: try file.read(16, name: "oom_score_adj").filter { $0 > 0x20 }, as: UTF8.self))
    }

    func set(_ value: Int?) throws(SystemError) {
        if let value { try file.write(String(value), name: "oom_score_adj") }
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
