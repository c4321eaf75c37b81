import CRIProto
import Foundation
import Images

extension StoredImage {
    /// What ListImages says of it: the same once for each runtime handler that it was asked for with.
    var messages: [Runtime_V1_Image] { record.handlers.map(message) }

    /// What is said of it with a runtime handler.
    func message(_ handler: String) -> Runtime_V1_Image {
        .with {
            $0.id = id
            $0.repoTags = repoTags
            $0.repoDigests = repoDigests
            $0.size = UInt64(max(1, record.size))
            // The user part of `user:group`; a number is an ID. An image that names none has neither, which clients
            // take for root.
            let user =
                configuration.config.user.split(separator: ":", omittingEmptySubsequences: false).first ?? ""
            if let uid = Int64(user) {
                $0.uid = .with { $0.value = uid }
            } else {
                $0.username = String(user)
            }
            $0.spec = .with {
                $0.image = repoTags.first ?? repoDigests.first ?? id
                $0.annotations = record.annotations
                $0.runtimeHandler = handler
            }
            $0.pinned = record.isPinned
        }
    }

    /// For people who look at an image with `crictl inspecti`.
    var verboseInfo: String {
        get throws {
            // The configuration as it came, which is what tools look into.
            let spec = String(decoding: record.config, as: UTF8.self)
            let manifest = record.manifestDigest.description
            return "{\"manifestDigest\":\"\(manifest)\",\"imageSpec\":\(spec)}"
        }
    }
}

extension Runtime_V1_AuthConfig {
    init(_ login: RegistryLogin) {
        self = .with {
            $0.username = login.username
            $0.password = login.password
            $0.auth = login.auth
            $0.identityToken = login.identityToken
            $0.registryToken = login.registryToken
            $0.serverAddress = login.server
        }
    }
}

extension RegistryCredentials {
    /// Nil where nothing is set.
    init?(_ auth: Runtime_V1_AuthConfig) throws(ImageError) {
        try self.init(
            username: auth.username, password: auth.password, auth: auth.auth,
            serverAddress: auth.serverAddress,
            identityToken: auth.identityToken, registryToken: auth.registryToken)
    }
}
