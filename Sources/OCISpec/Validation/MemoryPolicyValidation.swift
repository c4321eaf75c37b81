import Diagnosis

extension MemoryPolicy {
    /// set_mempolicy(2).
    func validate(at pointer: Pointer) throws(Failure) {
        try validateNumberList(nodes, at: { pointer.key("nodes") })
        switch mode {
        case .MPOL_DEFAULT, .MPOL_LOCAL:
            if let nodes {
                throw Failure(
                    at: pointer.key("nodes"), "\(mode.rawValue) takes no nodes, \(quoted(nodes)) are given")
            }
        case .MPOL_BIND, .MPOL_INTERLEAVE, .MPOL_WEIGHTED_INTERLEAVE, .MPOL_PREFERRED_MANY:
            if nodes == nil {
                throw Failure(at: pointer.key("nodes"), "\(mode.rawValue) needs at least one node")
            }
        case .MPOL_PREFERRED: break
        }
        if flags.contains(.MPOL_F_STATIC_NODES), flags.contains(.MPOL_F_RELATIVE_NODES) {
            throw Failure(
                at: pointer.key("flags"), "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other")
        }
    }
}
