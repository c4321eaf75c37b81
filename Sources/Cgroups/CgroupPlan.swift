import Diagnosis

extension Cgroup {
    /// Where ``create(cgroupsPath:id:limits:on:)`` would make the container's cgroup; nothing is made.
    ///
    /// - Returns: `nil` on a host without a cgroup v2 tree.
    public static func planned(
        cgroupsPath: String?, id: String, on host: CgroupHost
    ) throws(Failure) -> Cgroup? {
        guard let mount = host.unifiedMount else { return nil }
        let names = try CgroupPath.components(
            cgroupsPath: cgroupsPath, id: id,
            base: { () throws(Failure) in try host.base() })
        return Cgroup(path: CgroupChain.directories(mount: mount, names: names).last ?? mount)
    }

    /// Whether the kernel has killed a process in the cgroup, or below it, for want of memory.
    public var hasKilledForMemory: Bool { hasHappened("oom_kill") }

    /// Whether a process in the cgroup, or below it, was to be given memory when its limit was reached and nothing could
    /// be reclaimed: it was refused, or somebody was killed.
    public var hasRunOutOfMemory: Bool { hasHappened("oom") }

    /// - Parameter event: a key of `memory.events`.
    private func hasHappened(_ event: String) -> Bool {
        guard let events = try? CoreFile.text(file("memory.events")) else { return false }
        return (CoreFile.value(of: event, in: events) ?? "0") != "0"
    }
}
