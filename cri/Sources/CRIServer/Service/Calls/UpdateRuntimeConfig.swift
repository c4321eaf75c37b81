import CRIProto
import Diagnosis
import Glibc
import Synchronization

extension RuntimeInformation {
    /// The range of the node's pod addresses is kept and shown by a verbose `Status`, and not used: addresses are given
    /// out by the IPAM plugin that the CNI configuration names. No other setting exists.
    package func updateRuntimeConfig(
        _ request: Runtime_V1_UpdateRuntimeConfigRequest
    ) throws(CRIError) -> Runtime_V1_UpdateRuntimeConfigResponse {
        let value = request.runtimeConfig.networkConfig.podCidr
        for range in value.split(separator: ",", omittingEmptySubsequences: false) where !value.isEmpty {
            guard PodCIDR.isRange(range) else {
                throw .invalid(
                    "/runtime_config/network_config/pod_cidr", "\"\(range)\" is no range of addresses",
                    remedy: "ranges are like 10.88.0.0/16 or fd00::/64, several with commas in between")
            }
        }
        podCIDR.value = value.isEmpty ? nil : value
        return Runtime_V1_UpdateRuntimeConfigResponse()
    }
}

/// The range that kubelet was given for the node's pods, if it has told.
final class PodCIDR: Sendable {
    private let kept = Mutex<String?>(nil)

    var value: String? {
        get { kept.withLock { $0 } }
        set { kept.withLock { $0 = newValue } }
    }

    /// Whether it is `ADDRESS/LENGTH`, of either family.
    static func isRange(_ text: some StringProtocol) -> Bool {
        guard let slash = text.firstIndex(of: "/") else { return false }
        let digits = text[text.index(after: slash)...]
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(digits) else {
            return false
        }
        let address = String(text[..<slash])
        var bytes = in6_addr()
        if inet_pton(AF_INET, address, &bytes) == 1 { return length <= 32 }
        return inet_pton(AF_INET6, address, &bytes) == 1 && length <= 128
    }
}
