import CRIProto
import Diagnosis
import OCISpec

extension Compilation {
    /// `ALL` counts first, so that single capabilities can be dropped from it and added to nothing. Dropping one
    /// beats adding it.
    ///
    /// Only ambient capabilities are inheritable, as the kernel wants it: with others there, a program with file
    /// capabilities would give a user more than the image's author thought of (CVE-2022-29162).
    mutating func compileCapabilities() throws(SpecificationError) {
        let host = input.host.boundingCapabilities
        if security.privileged {
            give(host, ambient: [])
            return
        }
        let pointer = Self.securityContext.key("capabilities")
        let asked = security.capabilities
        let added = try parse(asked.addCapabilities, at: pointer.key("add_capabilities"), checksHost: true)
        let dropped = try parse(
            asked.dropCapabilities, at: pointer.key("drop_capabilities"), checksHost: false)
        let ambient = try parse(
            asked.addAmbientCapabilities, at: pointer.key("add_ambient_capabilities"), checksHost: true)
        var set = input.options.defaultCapabilities.intersection(host)
        if added.isAll || ambient.isAll { set = host }
        if dropped.isAll { set = [] }
        set.formUnion(added.named)
        set.formUnion(ambient.named)
        set.subtract(dropped.named)
        let wanted = ambient.isAll ? set : ambient.named
        give(set, ambient: wanted.intersection(set))
    }

    private mutating func give(_ set: Set<Capability>, ambient: Set<Capability>) {
        var sets = CapabilitySets()
        sets.bounding = set.sorted().map(\.name)
        sets.effective = sets.bounding
        sets.permitted = sets.bounding
        sets.ambient = ambient.sorted().map(\.name)
        sets.inheritable = sets.ambient
        process.capabilities = sets
        capabilities = set
    }

    private func parse(
        _ names: [String], at pointer: Pointer, checksHost: Bool
    ) throws(SpecificationError) -> (isAll: Bool, named: Set<Capability>) {
        var isAll = false
        var named: Set<Capability> = []
        for (index, name) in names.enumerated() {
            if ["ALL", "CAP_ALL"].contains(name.uppercased()) {
                isAll = true
                continue
            }
            guard let capability = Capability(name: name) else {
                throw SpecificationError(
                    at: pointer.index(index), "\(quoted(name)) is not a capability",
                    remedy: "capabilities(7) lists them; ALL stands for all of them")
            }
            if checksHost, !input.host.boundingCapabilities.contains(capability) {
                throw SpecificationError(
                    at: pointer.index(index),
                    "\(capability.name) is not in the daemon's bounding set, so no container can have it",
                    remedy: "start the daemon with this capability, or do not ask for it")
            }
            named.insert(capability)
        }
        return (isAll, named)
    }
}
