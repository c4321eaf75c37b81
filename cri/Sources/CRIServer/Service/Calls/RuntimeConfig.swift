import CRIProto

extension RuntimeInformation {
    package func runtimeConfig(_ request: Runtime_V1_RuntimeConfigRequest) -> Runtime_V1_RuntimeConfigResponse
    {
        .with { $0.linux.cgroupDriver = cgroupDriver == .systemd ? .systemd : .cgroupfs }
    }
}
