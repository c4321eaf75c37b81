import CRIProto
import Diagnosis
import OCISpec

/// Which namespaces a pod has, by its configuration.
package struct PodNamespaces: Equatable, Sendable {
    package enum PID: Equatable, Sendable {
        /// One for all containers.
        case pod
        /// One for each container.
        case container
        case node
    }

    /// The host's network; its UTS namespace goes with it.
    package var isHostNetwork = false
    package var isHostIPC = false
    package var pid = PID.pod
    /// Nil: the host's user namespace.
    package var userMappings: UserMappings?

    package struct UserMappings: Equatable, Sendable {
        package var uids: [IDMapping]
        package var gids: [IDMapping]
    }

    package init() {}

    /// - Parameter pointer: Where the configuration is in its request: `/config` in RunPodSandboxRequest.
    package init(of pod: Runtime_V1_PodSandboxConfig, at pointer: Pointer = "/config")
        throws(SpecificationError)
    {
        let options = pod.linux.securityContext.namespaceOptions
        let pointer = pointer.key("linux").key("security_context").key("namespace_options")
        isHostNetwork = try Self.isHost(options.network, at: pointer.key("network"))
        isHostIPC = try Self.isHost(options.ipc, at: pointer.key("ipc"))
        switch options.pid {
        case .pod: pid = .pod
        case .container: pid = .container
        case .node: pid = .node
        case .target:
            throw SpecificationError(
                at: pointer.key("pid"), "TARGET is for containers; a pod is created before there is one")
        case .UNRECOGNIZED(let number):
            throw unknownValue(number, of: "NamespaceMode", at: pointer.key("pid"))
        }
        if !options.targetID.isEmpty {
            throw SpecificationError(
                at: pointer.key("target_id"), "a pod is created before there is a container to target")
        }
        if options.hasUsernsOptions {
            userMappings = try Self.userMappings(options.usernsOptions, at: pointer.key("userns_options"))
        }
    }

    private static func isHost(_ mode: Runtime_V1_NamespaceMode, at pointer: Pointer)
        throws(SpecificationError)
        -> Bool
    {
        switch mode {
        case .pod: return false
        case .node: return true
        case .container:
            throw .unimplemented(at: pointer, "CONTAINER is not offered: use POD or NODE")
        case .target:
            throw .unimplemented(at: pointer, "TARGET is offered for pid alone: use POD or NODE")
        case .UNRECOGNIZED(let number): throw unknownValue(number, of: "NamespaceMode", at: pointer)
        }
    }

    /// POD with mappings, any number of lines; NODE without.
    static func userMappings(
        _ options: Runtime_V1_UserNamespace, at pointer: Pointer
    ) throws(SpecificationError) -> UserMappings? {
        switch options.mode {
        case .node:
            for (name, mappings) in [("uids", options.uids), ("gids", options.gids)] where !mappings.isEmpty {
                throw SpecificationError(
                    at: pointer.key(name), "the host's user namespace (NODE) takes no mappings")
            }
            return nil
        case .pod:
            let mappings = UserMappings(
                uids: options.uids.map(IDMapping.init), gids: options.gids.map(IDMapping.init))
            for (name, list) in [("uids", mappings.uids), ("gids", mappings.gids)] {
                if list.isEmpty {
                    throw SpecificationError(
                        at: pointer.key(name), "required for a user namespace of the pod's own (POD)")
                }
                try validate(list, at: pointer.key(name))
                guard list.contains(where: { $0.covers(0) }) else {
                    throw SpecificationError(
                        at: pointer.key(name), "ID 0 is not mapped: nobody could set containers up")
                }
            }
            return mappings
        case .container, .target:
            throw SpecificationError(at: pointer.key("mode"), "user namespaces are POD or NODE only")
        case .UNRECOGNIZED(let number):
            throw unknownValue(number, of: "NamespaceMode", at: pointer.key("mode"))
        }
    }

    /// What the kernel demands of a map, with the names of `IDMapping` of the interface.
    static func validate(_ mappings: [IDMapping], at pointer: Pointer) throws(SpecificationError) {
        do throws(Failure) {
            try validateMappings(mappings, at: { pointer })
        } catch {
            var failure = error
            let names = ["/hostID": "/host_id", "/containerID": "/container_id", "/size": "/length"]
            if case .config(let found) = failure.origin {
                for (name, other) in names where found.description.hasSuffix(name) {
                    failure.origin = .config(Pointer(found.description.dropLast(name.count) + other))
                }
            }
            throw SpecificationError(.invalidArgument, failure)
        }
    }
}

extension IDMapping {
    init(_ mapping: Runtime_V1_IDMapping) {
        self.init(containerID: mapping.containerID, hostID: mapping.hostID, size: mapping.length)
    }
}
