import Diagnosis
import Kernel

extension ContainerCgroup {
    static func planned(
        _ request: CgroupRequest, _ systemd: SystemdRequest, on host: CgroupHost
    ) throws(Failure) -> ContainerCgroup {
        let plan = try SystemdUnit.plan(request, systemd)
        let mount = try unifiedMount(of: host)
        return ContainerCgroup(
            paths: ["": ([mount] + plan.path).joined(separator: "/")],
            unit: SystemdUnit(name: plan.name.unit, isUser: systemd.isUser))
    }

    /// Under the systemd driver: has systemd make the cgroup around a process, and sets the limits. A scope is
    /// never without processes, so that it can neither be made beforehand nor be born into.
    ///
    /// - Parameter pid: of the process to move into it.
    /// - Returns: warnings for the user.
    /// - Throws: there is such a unit already, which is left alone; or what failed. Nothing is left behind but
    ///   the process, which may have been killed.
    public func start(_ request: CgroupRequest, pid: Int32, on host: CgroupHost) throws(Failure) -> [String] {
        guard let systemd = request.systemd, let unit, let unified else { return [] }
        let plan = try SystemdUnit.plan(request, systemd)
        try SystemdUnit.start(plan, request, systemd, pid: pid)
        do throws(Failure) {
            guard plan.name.isSlice || FileTree.exists(unified.path) else {
                throw Failure(
                    doing: "start systemd unit \(unit.name)", reason: "systemd did not make \(unified.path)",
                    remedy: "run where /sys/fs/cgroup shows what systemd sees of it")
            }
            // Controllers that systemd does not know, as hugetlb, are passed on here.
            let chain = CgroupChain(
                mount: try Self.unifiedMount(of: host), names: plan.path,
                needed: request.limits.controllers, passesAll: true)
            _ = try Failure.blaming { () throws(SystemError) in try chain.make() }
            if plan.name.isSlice { try unified.add(pid: pid) }
            return try applyDirectly(request, on: host)
        } catch {
            try? unified.kill()
            try? remove()
            throw error
        }
    }

    private static func unifiedMount(of host: CgroupHost) throws(Failure) -> String {
        guard host.kind == .unified, let mount = host.unifiedMount else {
            throw Failure(
                .option("--systemd-cgroup"),
                reason: "the systemd driver works on hosts with cgroup v2 only, and this one is \(host.kind)",
                remedy: MissingController.bootUnified)
        }
        return mount
    }
}
