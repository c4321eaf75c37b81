import Diagnosis
import Kernel

/// systemd makes the cgroup in the hierarchies that it knows: the cgroup v2 tree, its own `name=systemd`, and those of
/// some v1 controllers. What is bound to others has the unit's path in them too, made here.
extension ContainerCgroup {
    static func planned(
        _ request: CgroupRequest, _ systemd: SystemdRequest, on host: CgroupHost
    ) throws(Failure) -> ContainerCgroup {
        if systemd.isUser && host.kind != .unified {
            throw Failure(
                .option("--systemd-cgroup"),
                reason: "a user's systemd manages cgroup v2 only, and this host is \(host.kind)",
                remedy: MissingController.bootUnified)
        }
        let plan = try SystemdUnit.plan(request, systemd)
        let path = plan.path.joined(separator: "/")
        var paths = LegacyChain.at(plan.path, on: host).paths
        if let mount = host.unifiedMount { paths[""] = "\(mount)/\(path)" }
        return ContainerCgroup(
            paths: paths, unit: SystemdUnit(name: plan.name.unit, isUser: systemd.isUser))
    }

    /// Under the systemd driver: makes the cgroups in the v1 hierarchies, for the process to enter by itself. systemd
    /// takes those that are there.
    ///
    /// - Returns: as ``create(_:on:)``.
    public func prepare(_ request: CgroupRequest, on host: CgroupHost) throws(Failure) -> [String] {
        guard let systemd = request.systemd, legacy != nil else { return [] }
        let plan = try SystemdUnit.plan(request, systemd)
        return try LegacyCgroup.create(LegacyChain.at(plan.path, on: host), request)
    }

    /// Under the systemd driver: has systemd make the cgroup around a process, and sets the limits. A scope is
    /// never without processes, so that it can neither be made beforehand nor be born into.
    ///
    /// - Parameter pid: of the process to move into it.
    /// - Returns: warnings for the user.
    /// - Throws: there is such a unit already, which is left alone; or what failed. Nothing is left behind but
    ///   the process, which may have been killed.
    public func start(_ request: CgroupRequest, pid: Int32, on host: CgroupHost) throws(Failure) -> [String] {
        guard let systemd = request.systemd, let unit else { return [] }
        let plan = try SystemdUnit.plan(request, systemd)
        try SystemdUnit.start(plan, request, systemd, pid: pid, isLegacy: unified == nil)
        do throws(Failure) {
            if let unified { try complete(unified, of: unit, plan, request, pid: pid, on: host) }
            // Of a slice's, which is not delegated, systemd may move the process out.
            if plan.name.isSlice { try legacy?.add(pid: pid) }
            return try applyDirectly(request, on: host)
        } catch {
            try? kill()
            try? remove()
            throw error
        }
    }

    private func complete(
        _ unified: Cgroup, of unit: SystemdUnit, _ plan: SystemdUnit.Plan, _ request: CgroupRequest,
        pid: Int32, on host: CgroupHost
    ) throws(Failure) {
        guard plan.name.isSlice || FileTree.exists(unified.path) else {
            throw Failure(
                doing: "start systemd unit \(unit.name)", reason: "systemd did not make \(unified.path)",
                remedy: "run where /sys/fs/cgroup shows what systemd sees of it")
        }
        if let mount = host.unifiedMount {
            // Controllers that systemd does not know, as hugetlb, are passed on here.
            let chain = CgroupChain(
                mount: mount, names: plan.path, needed: request.limits.controllers,
                passesAll: host.kind == .unified)
            _ = try Failure.blaming { () throws(SystemError) in try chain.make() }
        }
        if plan.name.isSlice { try unified.add(pid: pid) }
    }
}
