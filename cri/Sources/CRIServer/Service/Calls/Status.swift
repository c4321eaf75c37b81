import CRIProto
import OCISpec

extension RuntimeInformation {
    package func status(_ request: Runtime_V1_StatusRequest) async -> Runtime_V1_StatusResponse {
        var response = Runtime_V1_StatusResponse()
        response.status.conditions = [
            Self.condition("RuntimeReady", await runtimeReady()),
            Self.condition("NetworkReady", await networkReady()),
        ]
        response.runtimeHandlers = await handlers().map { handler in
            .with {
                $0.name = handler.name
                $0.features.recursiveReadOnlyMounts = handler.recursiveReadOnlyMounts
                $0.features.userNamespaces = handler.userNamespaces
            }
        }
        response.features.supplementalGroupsPolicy = true
        response.features.userNamespacesHostNetwork = false
        response.features.mountOptions = true
        if request.verbose {
            response.info = await details()
            response.info["config"] = configuration
        }
        return response
    }

    /// What is only known to this value.
    private var configuration: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("version", daemonVersion)
            writer.member("cgroupDriver", cgroupDriver.rawValue)
            // Kept as it came: addresses are given out by the CNI configuration's own IPAM.
            if let value = podCIDR.value { writer.member("podCIDR", value) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func condition(_ type: String, _ condition: Condition) -> Runtime_V1_RuntimeCondition {
        .with {
            $0.type = type
            $0.status = condition.met
            $0.reason = condition.reason
            $0.message = condition.message
        }
    }
}
