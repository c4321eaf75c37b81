import CRIProto
import Diagnosis
import Foundation

/// What a request holds that no log and no answer may show: the fields that api.proto marks `debug_redact`.
///
/// Nothing prints requests; this is for errors of libraries that quote what they were given.
struct Secrets: Sendable {
    private var values: [String] = []

    init(in request: any Sendable) {
        guard let request = request as? Runtime_V1_PullImageRequest else { return }
        let auth = request.auth
        values = [auth.password, auth.auth, auth.identityToken, auth.registryToken]
        // `auth` is USER:PASSWORD in base64.
        if let decoded = Data(base64Encoded: auth.auth) {
            let text = String(decoding: decoded, as: UTF8.self)
            if let colon = text.firstIndex(of: ":") {
                values.append(String(text[text.index(after: colon)...]))
            }
        }
        // The longest first: one may be part of another.
        values = values.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
    }

    /// The error with `(secret)` in place of them.
    func hidden(in error: CRIError) -> CRIError {
        if values.isEmpty { return error }
        var error = error
        error.failure.doing = hidden(in: error.failure.doing)
        error.failure.reason = hidden(in: error.failure.reason)
        error.failure.remedy = error.failure.remedy.map(hidden(in:))
        return error
    }

    private func hidden(in text: String) -> String {
        values.reduce(text) { $0.replacing($1, with: "(secret)") }
    }
}
