import CRIProto

extension PodRuntime {
    package func version(
        _ request: Runtime_V1_VersionRequest, _ context: CallContext
    ) async throws -> Runtime_V1_VersionResponse {
        information.version(request)
    }

    package func status(
        _ request: Runtime_V1_StatusRequest, _ context: CallContext
    ) async throws -> Runtime_V1_StatusResponse {
        await information.status(request)
    }

    package func runtimeConfig(
        _ request: Runtime_V1_RuntimeConfigRequest, _ context: CallContext
    ) async throws -> Runtime_V1_RuntimeConfigResponse {
        information.runtimeConfig(request)
    }

    package func updateRuntimeConfig(
        _ request: Runtime_V1_UpdateRuntimeConfigRequest, _ context: CallContext
    ) async throws -> Runtime_V1_UpdateRuntimeConfigResponse {
        try information.updateRuntimeConfig(request)
    }
}
