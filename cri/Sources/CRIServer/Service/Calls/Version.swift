import CRIProto

/// The version of apus-cri, as semver has it.
package let daemonVersion = "0.1.0"

extension RuntimeInformation {
    /// What the request says its version is has never been looked at by any runtime: the API's version is in the name of
    /// the service.
    package func version(_ request: Runtime_V1_VersionRequest) -> Runtime_V1_VersionResponse {
        .with {
            // Of kubelet's runtime API, for historical reasons; kubelet only wants it not to be empty.
            $0.version = "0.1.0"
            $0.runtimeName = "apus"
            $0.runtimeVersion = daemonVersion
            $0.runtimeApiVersion = "v1"
        }
    }
}
