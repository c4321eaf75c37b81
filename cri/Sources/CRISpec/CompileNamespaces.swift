import CRIProto
import Diagnosis
import OCISpec

extension Compilation {
    /// The pod's namespaces by their pins, and what the container has for itself.
    ///
    /// A container that says nothing of namespaces is as its pod is. One that wants more of the host than its pod
    /// has is refused; network and ipc are the pod's.
    mutating func compileNamespaces() throws(SpecificationError) {
        let pointer = Self.securityContext.key("namespace_options")
        let options = security.namespaceOptions
        let says = security.hasNamespaceOptions
        if says {
            try agree(options.network, isHost: namespaces.isHostNetwork, at: pointer.key("network"))
            try agree(options.ipc, isHost: namespaces.isHostIPC, at: pointer.key("ipc"))
            try agreeOnUser(options, at: pointer.key("userns_options"))
        }
        linux.namespaces.append(Namespace(type: .mount))
        if !namespaces.isHostNetwork {
            linux.namespaces.append(
                Namespace(type: .network, path: try pin(input.paths.network, "network")))
            linux.namespaces.append(Namespace(type: .uts, path: try pin(input.paths.uts, "uts")))
        }
        if !namespaces.isHostIPC {
            linux.namespaces.append(Namespace(type: .ipc, path: try pin(input.paths.ipc, "ipc")))
        }
        if let pid = try pid(says ? options : nil, at: pointer) { linux.namespaces.append(pid) }
        if let mappings = namespaces.userMappings {
            linux.namespaces.append(Namespace(type: .user, path: try pin(input.paths.user, "user")))
            // runc up to 1.1 wants them for a namespace that it joins, too; later ones compare.
            linux.uidMappings = mappings.uids
            linux.gidMappings = mappings.gids
            try refuseUnmapped(mappings)
        }
        // A privileged container sees the whole of the host's tree.
        if input.host.isUnified && !security.privileged { linux.namespaces.append(Namespace(type: .cgroup)) }
    }

    private func agree(
        _ mode: Runtime_V1_NamespaceMode, isHost: Bool, at pointer: Pointer
    ) throws(SpecificationError) {
        switch mode {
        case .pod: return
        case .node where isHost: return
        case .node:
            throw SpecificationError(
                at: pointer, "NODE, but the pod has a namespace of its own",
                remedy: "set NODE in the pod's security context too")
        case .container, .target:
            throw .unimplemented(
                at: pointer, "only the pod's own, or the host's, is offered: use POD or NODE")
        case .UNRECOGNIZED(let number): throw unknownValue(number, of: "NamespaceMode", at: pointer)
        }
    }

    /// A container without the field is in the pod's; else both must say the same.
    private func agreeOnUser(
        _ options: Runtime_V1_NamespaceOption, at pointer: Pointer
    ) throws(SpecificationError) {
        guard options.hasUsernsOptions else { return }
        let mappings = try PodNamespaces.userMappings(options.usernsOptions, at: pointer)
        if mappings != namespaces.userMappings {
            throw SpecificationError(
                at: pointer, "the pod's user namespace is another one",
                remedy: "give the container the pod's userns_options")
        }
    }

    /// Nil is the host's.
    private func pid(
        _ options: Runtime_V1_NamespaceOption?, at pointer: Pointer
    ) throws(SpecificationError) -> Namespace? {
        if let options, options.pid != .target, !options.targetID.isEmpty {
            throw SpecificationError(
                at: pointer.key("target_id"), "\(quoted(options.targetID)) is for pid: TARGET only")
        }
        switch options?.pid {
        case nil:
            switch namespaces.pid {
            case .pod: return Namespace(type: .pid, path: try pin(input.paths.pid, "pid"))
            case .container: return Namespace(type: .pid)
            case .node: return nil
            }
        case .container: return Namespace(type: .pid)
        case .pod:
            switch namespaces.pid {
            case .pod: return Namespace(type: .pid, path: try pin(input.paths.pid, "pid"))
            case .node: return nil
            case .container:
                throw SpecificationError(
                    at: pointer.key("pid"),
                    "POD, but the pod has no pid namespace for its containers to share",
                    remedy: "set POD in the pod's security context too, or CONTAINER here")
            }
        case .node:
            guard namespaces.pid == .node else {
                throw SpecificationError(
                    at: pointer.key("pid"), "NODE, but the pod is not in the host's pid namespace",
                    remedy: "set NODE in the pod's security context too")
            }
            return nil
        case .target:
            if options?.targetID.isEmpty != false {
                throw SpecificationError(at: pointer.key("target_id"), "required for pid: TARGET")
            }
            guard let path = input.paths.targetPID else {
                throw SpecificationError(
                    .notFound, at: pointer.key("target_id"),
                    "there is no running container \(quoted(options?.targetID ?? "")) in the pod")
            }
            return Namespace(type: .pid, path: path)
        case .UNRECOGNIZED(let number):
            throw unknownValue(number, of: "NamespaceMode", at: pointer.key("pid"))
        }
    }

    private func pin(_ path: String?, _ name: String) throws(SpecificationError) -> String {
        guard let path else {
            throw SpecificationError(
                .internal, Failure("the pod's \(name) namespace is not pinned", remedy: "create the pod anew")
            )
        }
        return path
    }

    private func refuseUnmapped(_ mappings: PodNamespaces.UserMappings) throws(SpecificationError) {
        let user = process.user
        if !mappings.uids.contains(where: { $0.covers(user.uid) }) {
            throw SpecificationError(
                at: Self.securityContext.key("run_as_user"),
                "user \(user.uid) is not mapped into the pod's user namespace")
        }
        for gid in user.additionalGids where !mappings.gids.contains(where: { $0.covers(gid) }) {
            throw SpecificationError(
                at: Self.securityContext.key(gid == user.gid ? "run_as_group" : "supplemental_groups"),
                "group \(gid) is not mapped into the pod's user namespace")
        }
    }
}
